/// The fuzzer's input, taken as numbers. Where it ends, zeros follow.
struct Bytes {
    private let data: UnsafeBufferPointer<UInt8>
    private var position = 0

    init(_ start: UnsafePointer<UInt8>?, _ count: Int) { data = UnsafeBufferPointer(start: start, count: count) }

    var isAtEnd: Bool { position >= data.count }
    var array: [UInt8] { Array(data) }

    mutating func byte() -> UInt8 {
        guard !isAtEnd else { return 0 }
        defer { position += 1 }
        return data[position]
    }

    /// A number of up to 64 bits, small ones in few bytes: the first byte says how many follow.
    mutating func number() -> UInt64 {
        var value: UInt64 = 0
        for _ in 0..<(byte() % 9) { value = value << 8 | UInt64(byte()) }
        return value
    }
}
