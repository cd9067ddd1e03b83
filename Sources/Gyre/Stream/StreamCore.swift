import GyreCore

/// A bounded ring of elements between a body and its reader, and those of both who wait.
///
/// - Concurrency: A short lock for each element; who waits is suspended and holds no thread.
final class StreamCore<Element: Sendable>: Sendable {
    private struct Sender {
        let number: UInt64
        let element: Element
        let continuation: UnsafeContinuation<Bool, Never>
    }

    private typealias Reader = UnsafeContinuation<Reading, Never>

    private enum Reading {
        case element(Element)
        case end((any Error)?)
        case cancelled
    }

    private struct State {
        var slots: [Element?]
        var head = 0
        var count = 0
        var senders: [Sender] = []
        var readers: [(number: UInt64, continuation: Reader)] = []
        var lastNumber: UInt64 = 0
        var hasEnded = false
        var error: (any Error)?
        var firstOutput: MonotonicInstant?
        /// When the body began, put something out, or was let go on.
        var lastSign: MonotonicInstant
        /// Who gives the stream up when the body is silent, and how the body is cancelled then; until it has ended.
        var watch: StreamWatch?
        var cancelBody: (@Sendable () -> Void)?
        var isGivenUp = false
        var dropped: UInt64 = 0

        mutating func push(_ element: Element) {
            slots[(head + count) % slots.count] = element
            count += 1
        }

        mutating func pop() -> Element? {
            guard count > 0 else { return nil }
            defer {
                slots[head] = nil
                head = (head + 1) % slots.count
                count -= 1
            }
            return slots[head]
        }

        /// A sender does not wait any more. Returns a watch that is to be told.
        mutating func wentOn(at now: MonotonicInstant) -> StreamWatch? {
            lastSign = now
            return senders.isEmpty ? watch : nil
        }

        mutating func nextNumber() -> UInt64 {
            lastNumber += 1
            return lastNumber
        }
    }

    private let clock: MonotonicClock
    private let overflow: StreamOverflow
    private let state: Lock<State>

    init(clock: MonotonicClock, capacity: Int, overflow: StreamOverflow) {
        self.clock = clock
        self.overflow = overflow
        state = Lock(State(slots: Array(repeating: nil, count: Swift.max(1, capacity)), lastSign: clock.now))
    }

    var firstOutput: MonotonicInstant? { state.withLock { $0.firstOutput } }
    var dropped: UInt64 { state.withLock { $0.dropped } }

    // MARK: - The body

    private enum Sending {
        case done
        case handOver(Reader)
        case wait(UInt64)
        case ended
    }

    func send(_ element: Element) async throws {
        try Task.checkCancellation()
        let now = clock.now
        let sending: Sending = state.withLock { state in
            if state.hasEnded { return .ended }
            if state.firstOutput == nil { state.firstOutput = now }
            state.lastSign = now
            if !state.readers.isEmpty { return .handOver(state.readers.removeFirst().continuation) }
            if state.count == state.slots.count {
                guard overflow == .dropOldest else { return .wait(state.nextNumber()) }
                _ = state.pop()
                state.dropped += 1
            }
            state.push(element)
            return .done
        }
        switch sending {
        case .done: return
        case .ended: throw CancellationError()
        case .handOver(let reader): reader.wake(returning: .element(element))
        case .wait(let number): try await waitForRoom(element, number)
        }
    }

    private func waitForRoom(_ element: Element, _ number: UInt64) async throws {
        let isSent = await withTaskCancellationHandler {
            await untilWoken { continuation in
                let sender = Sender(number: number, element: element, continuation: continuation)
                switch offer(sender) {
                case .handOver(let reader):
                    reader.wake(returning: .element(element))
                    continuation.wake(returning: true)
                case .done: continuation.wake(returning: true)
                case .ended: continuation.wake(returning: false)
                case .wait: if Task.isCancelled { withdraw(number) }
                }
            }
        } onCancel: {
            withdraw(number)
        }
        if !isSent { throw CancellationError() }
    }

    /// Lets a sender wait, unless there is room by now.
    private func offer(_ sender: Sender) -> Sending {
        state.withLock { state in
            if state.hasEnded { return .ended }
            if !state.readers.isEmpty { return .handOver(state.readers.removeFirst().continuation) }
            if state.count < state.slots.count {
                state.push(sender.element)
                return .done
            }
            state.senders.append(sender)
            return .wait(sender.number)
        }
    }

    private func withdraw(_ number: UInt64) {
        let (sender, watch): (Sender?, StreamWatch?) = state.withLock { state in
            guard let index = state.senders.firstIndex(where: { $0.number == number }) else { return (nil, nil) }
            return (state.senders.remove(at: index), state.wentOn(at: clock.now))
        }
        watch?.bodyGoesOn()
        sender?.continuation.wake(returning: false)
    }

    /// Nothing more will come. Readers get what there is, then `error`.
    func finish(_ error: (any Error)?) {
        let end = state.withLock { state -> State? in
            if state.hasEnded { return nil }
            state.hasEnded = true
            state.error = error
            defer { (state.readers, state.senders, state.watch, state.cancelBody) = ([], [], nil, nil) }
            return state
        }
        guard let end else { return }
        end.watch?.end()
        for reader in end.readers { reader.continuation.wake(returning: .end(error)) }
        for sender in end.senders { sender.continuation.wake(returning: false) }
    }

    // MARK: - A body that is silent

    /// Has the body watched from its start on.
    func watch(idle: Duration, timers: TimerService) {
        let watch = StreamWatch(
            idle: idle, timers: timers, clock: clock, sign: { self.sign }, giveUp: { self.giveUp($0) })
        state.withLock { $0.watch = watch }
    }

    /// The body begins.
    ///
    /// - Throws: When it is watched, and no timer is free or the runtime has ended.
    func bodyBegins() throws(GyreError) {
        let watch: StreamWatch? = state.withLock { state in
            state.lastSign = clock.now
            return state.watch
        }
        do throws(SubmitError) { try watch?.bodyBegins() } catch { throw GyreError(refusal: error) }
    }

    /// What the body shows of itself.
    var sign: StreamSign {
        state.withLock { state in
            if state.hasEnded { return .ended }
            return state.senders.isEmpty ? .alive(at: state.lastSign) : .waitsForReader
        }
    }

    /// Ends the stream, and cancels a body that goes on.
    private func giveUp(_ error: any Error) {
        let cancel: (@Sendable () -> Void)? = state.withLock { state in
            state.isGivenUp = true
            return state.cancelBody
        }
        finish(error)
        cancel?()
    }

    /// - Parameter cancel: Called when the stream is given up before its body has ended.
    func whenGivenUp(_ cancel: @escaping @Sendable () -> Void) {
        let isGivenUp = state.withLock { state in
            if !state.hasEnded { state.cancelBody = cancel }
            return state.isGivenUp
        }
        if isGivenUp { cancel() }
    }

    // MARK: - The reader

    func next() async throws -> Element? {
        try Task.checkCancellation()
        let number = state.withLock { $0.nextNumber() }
        let reading = await withTaskCancellationHandler {
            await untilWoken { (continuation: Reader) in
                if let reading = read(number, continuation) {
                    continuation.wake(returning: reading)
                } else if Task.isCancelled {
                    stopReading(number)
                }
            }
        } onCancel: {
            stopReading(number)
        }
        switch reading {
        case .element(let element): return element
        case .end(nil): return nil
        case .end(let error?): throw error
        case .cancelled: throw CancellationError()
        }
    }

    private func read(_ number: UInt64, _ reader: Reader) -> Reading? {
        let (reading, sender, watch): (Reading?, Sender?, StreamWatch?) = state.withLock { state in
            if let element = state.pop() {
                guard !state.senders.isEmpty else { return (.element(element), nil, nil) }
                let sender = state.senders.removeFirst()
                state.push(sender.element)
                return (.element(element), sender, state.wentOn(at: clock.now))
            }
            if state.hasEnded { return (.end(state.error), nil, nil) }
            state.readers.append((number, reader))
            return (nil, nil, nil)
        }
        watch?.bodyGoesOn()
        sender?.continuation.wake(returning: true)
        return reading
    }

    private func stopReading(_ number: UInt64) {
        let reader = state.withLock { state in
            state.readers.firstIndex { $0.number == number }.map { state.readers.remove(at: $0).continuation }
        }
        reader?.wake(returning: .cancelled)
    }
}
