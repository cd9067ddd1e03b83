import Foundation
public import GyrePolicy

extension ZoneRules {
    /// The rules of a zone of the IANA database, such as `Europe/Berlin`, as Foundation has them.
    ///
    /// - Throws: ``ZoneError`` when there is no such zone.
    public static func named(_ name: String) throws(ZoneError) -> ZoneRules {
        guard let zone = TimeZone(identifier: name) else { throw ZoneError(name: name) }
        return ZoneRules(name: name) { instant in
            Int64(zone.secondsFromGMT(for: Date(timeIntervalSince1970: TimeInterval(instant))))
        }
    }
}

/// A zone that the database does not have.
public struct ZoneError: Error, Sendable, Equatable, CustomStringConvertible {
    public let name: String
    public var description: String {
        "there is no time zone \"\(name)\"; write its name of the IANA database, as in Europe/Berlin, or use utc"
    }
}
