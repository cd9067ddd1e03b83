import GyreCore

/// Who chose the value of a setting.
public enum SettingSource: String, Sendable, CaseIterable {
    /// Nobody: it is what the documentation names.
    case `default`
    /// The user wrote it.
    case user
    /// A controller derived it from measurements.
    case learned
    /// It is what the machine allows or has.
    case machine
}

/// A value of a policy's configuration, and who chose it.
public struct Setting<Value: Hashable & Sendable>: Sendable, Hashable {
    public let value: Value
    public let source: SettingSource

    public init(_ value: Value, from source: SettingSource) {
        self.value = value
        self.source = source
    }

    /// The user's value where there is one, else the default.
    package init(_ chosen: Value?, default standard: Value) {
        self.init(chosen ?? standard, from: chosen == nil ? .default : .user)
    }

    /// The line about this setting in a description.
    package func described(as name: String) -> SettingDescription {
        SettingDescription(name: name, value: SettingDescription.text(value), source: source)
    }
}

/// One effective value of a policy, for people.
public struct SettingDescription: Sendable, Hashable, CustomStringConvertible {
    /// The setting as it is written in code: `attemptsMax`.
    public let name: String
    /// The value with its unit: `50 ms`.
    public let value: String
    public let source: SettingSource

    public init(name: String, value: String, source: SettingSource) {
        self.name = name
        self.value = value
        self.source = source
    }

    public var description: String { "\(name) = \(value) (\(source.rawValue))" }

    /// Durations in the largest unit that divides them; what is not there as `none`; everything else as Swift says it.
    static func text<Value>(_ value: Value) -> String {
        if let duration = value as? Duration { return text(duration) }
        if let optional = value as? any OptionalSetting {
            return optional.content.map { text($0) } ?? "none"
        }
        return String(describing: value)
    }

    private static func text(_ duration: Duration) -> String {
        let nanoseconds = duration.attoseconds / 1_000_000_000
        for (unit, size) in [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)] as [(String, Int128)]
        where nanoseconds.isMultiple(of: size) {
            return "\(nanoseconds / size) \(unit)"
        }
        return "\(nanoseconds) ns"
    }
}

/// What lets an optional be told from other values without knowing what it wraps.
private protocol OptionalSetting {
    var content: Any? { get }
}

extension Optional: OptionalSetting {
    fileprivate var content: Any? { map { $0 as Any } }
}

/// Something of the configuration of which users see each value.
public protocol DescribedPolicy: Sendable, Hashable {
    /// Every effective value and who chose it, in the order in which they are read best.
    var settings: [SettingDescription] { get }
}

// MARK: - Checks

extension Setting where Value: Comparable {
    /// Refuses a value outside `range`, in words that name the right ones.
    package func checked(_ field: String, in range: ClosedRange<Value>) throws(ConfigurationError) -> Self {
        guard !range.contains(value) else { return self }
        let bounds = "\(SettingDescription.text(range.lowerBound)) to \(SettingDescription.text(range.upperBound))"
        throw ConfigurationError(field: field, reason: "\(SettingDescription.text(value)) is outside \(bounds)")
    }
}

extension Setting where Value == Duration {
    /// The value as policies compute with it.
    package var nanoseconds: UInt64 { value.wholeNanoseconds }
}
