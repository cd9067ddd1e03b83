import Foundation
public import Gyre

extension TaskCodec where Value: Codable {
    /// JSON with sorted keys, so that equal values have equal bytes. A type that writes what it has in no order, as a
    /// `Set` does, needs a codec of its own: its equal values would have different fingerprints.
    public static var json: TaskCodec {
        TaskCodec(
            encode: { value in
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
                return Array(try encoder.encode(value))
            },
            decode: { bytes in try JSONDecoder().decode(Value.self, from: Data(bytes)) })
    }
}

extension TaskHandler where Input: Codable, Output: Codable {
    /// A handler whose input and output are kept and travel as JSON.
    ///
    /// - Parameters:
    ///   - name, version, limits, body: As for a handler with codecs of its own.
    public init(
        _ name: String, version: Int = 1, limits: HandlerLimits = HandlerLimits(),
        _ body: nonisolated(nonsending) @escaping @Sendable (Input, TaskContext) async throws -> Output
    ) {
        self.init(name, version: version, input: .json, output: .json, limits: limits, body)
    }
}
