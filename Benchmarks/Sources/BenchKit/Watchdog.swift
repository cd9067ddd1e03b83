import Glibc

/// Ends the process, saying what stood still, when a run takes longer than any run may: a ring that lost an element can
/// leave its consumers waiting for ever.
final class Watchdog {
    private static let secondsMax: UInt32 = 120

    /// What the handler writes. Runs follow each other, so one is enough; the bytes are made before the alarm is set.
    private nonisolated(unsafe) static var message = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 256)
    private nonisolated(unsafe) static var length = 0

    init(_ text: String) {
        let bytes = Array("bench: \(text)\n".utf8.prefix(Self.message.count))
        for (index, byte) in bytes.enumerated() { Self.message[index] = byte }
        Self.length = bytes.count
        signal(SIGALRM) { _ in
            _ = write(STDERR_FILENO, Watchdog.message.baseAddress, Watchdog.length)
            _exit(1)
        }
        alarm(Self.secondsMax)
    }

    func stop() { alarm(0) }
}
