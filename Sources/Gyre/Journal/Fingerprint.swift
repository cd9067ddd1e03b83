/// What a handler was given, as 128 bits: the same handler, version and input have the same fingerprint on every
/// machine and in every process, and others have another.
///
/// FNV-1a of 128 bits (Fowler, Noll and Vo; IETF draft-eastlake-fnv, whose test vectors the tests have). `Hasher` would
/// not do: its seed is that of the process. Not for inputs that an enemy chooses: who can choose an input that shares
/// its fingerprint with another can have the other's outcome.
public struct Fingerprint: Hashable, Sendable, CustomStringConvertible {
    public let high: UInt64
    public let low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// The fingerprint of one call.
    ///
    /// - Complexity: O(bytes), about a nanosecond each.
    public init(handler: String, version: Int, input: [UInt8]) {
        var hash = FNV1a()
        hash.add(handler.utf8)
        hash.add(CollectionOfOne(0))  // ends the name: no name of UTF-8 text that people write has one
        withUnsafeBytes(of: UInt64(bitPattern: Int64(version)).littleEndian) { hash.add($0) }
        hash.add(input)
        self.init(high: UInt64(truncatingIfNeeded: hash.state >> 64), low: UInt64(truncatingIfNeeded: hash.state))
    }

    public var description: String { Self.hexadecimal(high) + Self.hexadecimal(low) }

    private static func hexadecimal(_ word: UInt64) -> String {
        let digits = String(word, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

/// The hash on its way.
struct FNV1a {
    private static let prime: UInt128 = 1 << 88 + 0x13B
    private(set) var state: UInt128 = 0x6C62_272E_07BB_0142 << 64 | 0x62B8_2175_6295_C58D

    mutating func add(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { state = (state ^ UInt128(byte)) &* Self.prime }
    }
}
