/// How values of one type become bytes and come back, for what is kept or travels.
///
/// A codec is two closures, given where a handler is registered: the engine knows no format, and this module needs
/// neither Foundation nor an encoder of its own. `GyreFoundation` has one for every `Codable` type, `TaskCodec.json`.
public struct TaskCodec<Value: Sendable>: Sendable {
    /// The bytes of a value. Equal values must have equal bytes: fingerprints are made of them.
    public let encode: @Sendable (Value) throws -> [UInt8]
    public let decode: @Sendable ([UInt8]) throws -> Value

    public init(
        encode: @escaping @Sendable (Value) throws -> [UInt8], decode: @escaping @Sendable ([UInt8]) throws -> Value
    ) {
        self.encode = encode
        self.decode = decode
    }
}

extension TaskCodec where Value == [UInt8] {
    /// Bytes as they are.
    public static let bytes = TaskCodec(encode: { $0 }, decode: { $0 })
}

extension TaskCodec where Value == String {
    /// UTF-8.
    public static let text = TaskCodec(
        encode: { Array($0.utf8) },
        decode: { bytes in
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw CodecError(reason: "the bytes are not UTF-8")
            }
            return text
        })
}

/// Bytes that are no value of the type.
public struct CodecError: Error, Sendable, Equatable, CustomStringConvertible {
    public let reason: String
    public init(reason: String) { self.reason = reason }
    public var description: String { reason }
}
