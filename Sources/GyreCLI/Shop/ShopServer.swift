#if CLI
import FlyingFox
import FlyingSocks
import Foundation
import Glibc
import Gyre
import Synchronization

/// The services of the demo behind HTTP, in this process and for this machine only: a port of 127.0.0.1 that the
/// system chooses.
final class ShopServer: Sendable {
    /// How many questions are worked on at once. Whoever comes then hears 503 at once.
    static let servedMax = 512

    let address: sockaddr_in
    private let server: HTTPServer
    private let running: Task<Void, any Error>
    private let handler: ShopHandler

    /// Starts to listen.
    ///
    /// - Throws: Whatever the system says to a socket, or that nothing listened within 5 s.
    init(faults: ShopFaults) async throws {
        let handler = ShopHandler(faults: faults)
        let server = HTTPServer(
            address: try sockaddr_in.inet(ip4: "127.0.0.1", port: 0), timeout: 30,
            pool: PromptSocketPool(base: HTTPServer.defaultPool()), logger: .disabled, handler: handler)
        // Not on the workers: what the program is judged by should not be what judges it.
        let running = Task.detached { try await server.run() }
        do {
            try await server.waitUntilListening()
        } catch {
            running.cancel()
            throw error
        }
        guard case .ip4(_, let port)? = await server.listeningAddress else {
            running.cancel()
            throw SocketError.unsupportedAddress
        }
        address = try sockaddr_in.inet(ip4: "127.0.0.1", port: port)
        self.server = server
        self.running = running
        self.handler = handler
    }

    var port: UInt16 { address.sin_port.byteSwapped }

    /// Questions that were answered, well or not.
    var answersCount: UInt64 { handler.answers.load(ordering: .relaxed) }  // A sum, read for people.

    /// Closes the port and every connection: whoever wanted an answer has it, or has given up.
    func stop() async {
        // At once. The loop that accepts does not notice that its socket is closed, so it would sit any delay out.
        await server.stop(timeout: 0)
        // Ends with the error that says so: nothing listens any longer.
        _ = await running.result
    }
}

private final class ShopHandler: HTTPHandler {
    let faults: ShopFaults
    let answers = Atomic<UInt64>(0)
    private let served = Atomic<Int>(0)

    init(faults: ShopFaults) { self.faults = faults }

    func handleRequest(_ request: HTTPRequest) async throws -> HTTPResponse {
        // Lone sums: nothing is handed over with them.
        defer { answers.add(1, ordering: .relaxed) }
        let before = served.add(1, ordering: .relaxed).oldValue
        defer { served.subtract(1, ordering: .relaxed) }
        guard before < ShopServer.servedMax else { return HTTPResponse(.serviceUnavailable, "too many at once") }
        guard let service = ShopService(rawValue: String(request.path.dropFirst())) else {
            return HTTPResponse(.notFound, "no service of this name")
        }
        guard request.method == .GET else { return HTTPResponse(.methodNotAllowed, "GET only") }
        let question: ShopQuestion
        do {
            question = try ShopQuestion(service: service, query: request.query.map { ($0.name, $0.value) })
        } catch {
            return HTTPResponse(.badRequest, error.reason)
        }
        let fault = faults.fault(of: question)
        if fault.delay > .zero { try await Task.sleep(for: fault.delay) }
        guard let failure = fault.failure else { return HTTPResponse(.ok, question.answer(.standard)) }
        return HTTPResponse(injected: failure)
    }
}

extension HTTPResponse {
    fileprivate init(_ status: HTTPStatusCode, _ text: String) {
        self.init(statusCode: status, headers: [.contentType: "text/plain"], body: Data(text.utf8))
    }

    /// How HTTP says it.
    fileprivate init(injected failure: ErrorClass) {
        switch failure {
        case .throttled(let retryAfter):
            self.init(.tooManyRequests, "injected: throttled")
            guard let retryAfter else { return }
            let milliseconds = (retryAfter.wholeNanoseconds + 999_999) / 1_000_000
            // Whole seconds are all that the standard's header can say (RFC 9110, 10.2.3); services that ask for less
            // add the other one, as Azure's do.
            headers[.retryAfter] = String((milliseconds + 999) / 1_000)
            headers[.retryAfterMilliseconds] = String(milliseconds)
        case .overloaded: self.init(.serviceUnavailable, "injected: overloaded")
        case .permanent: self.init(.gone, "injected: gone for good")
        case .timedOut: self.init(.gatewayTimeout, "injected: timed out")
        case .transient, .rejected, .budgetExhausted, .cancelled, .interrupted:
            self.init(.internalServerError, "injected: \(failure.kind)")
        }
    }
}

extension HTTPHeader {
    static let retryAfter = HTTPHeader("Retry-After")
    static let retryAfterMilliseconds = HTTPHeader("retry-after-ms")
}

/// Sends small parts at once. A response goes out as head and body; without this the body waits until the head is
/// acknowledged, which takes the other side up to 40 ms (5.5 ms a question were measured with eight connections, and
/// 0.4 ms with it).
private struct PromptSocketPool: AsyncSocketPool {
    let base: any AsyncSocketPool

    func prepare() async throws { try await base.prepare() }

    func run() async throws { try await base.run() }

    func suspendSocket(_ socket: Socket, untilReadyFor events: Socket.Events) async throws {
        try socket.setValue(true, for: BoolSocketOption(level: Int32(IPPROTO_TCP), name: TCP_NODELAY))
        try await base.suspendSocket(socket, untilReadyFor: events)
    }
}
#endif
