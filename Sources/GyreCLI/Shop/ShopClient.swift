#if CLI
import FlyingFox
import FlyingSocks
import Foundation
import Gyre

/// Why a service has not answered.
struct ShopError: ClassifiedError, Equatable, CustomStringConvertible {
    enum Reason: Sendable, Equatable {
        case status(Int, retryAfter: Duration?)
        /// No connection, or one that broke.
        case connection(String)
        /// An answer that says nothing.
        case garbled
    }

    let service: ShopService
    let reason: Reason

    var errorClass: ErrorClass {
        switch reason {
        case .status(429, let retryAfter): return .throttled(retryAfter: retryAfter)
        case .status(503, let retryAfter?): return .throttled(retryAfter: retryAfter)
        case .status(503, nil): return .overloaded
        case .status(408, _), .status(504, _): return .timedOut
        case .status(let code, _): return (400..<500).contains(code) ? .permanent : .transient
        case .connection, .garbled: return .transient
        }
    }

    var description: String {
        switch reason {
        case .status(let code, _): return "\(service.rawValue): status \(code)"
        case .connection(let text): return "\(service.rawValue): \(text)"
        case .garbled: return "\(service.rawValue): an answer that cannot be read"
        }
    }
}

/// Asks the services of the demo, each time over a connection of its own: as many at once as the callers' bulkheads let
/// through.
struct ShopClient: Sendable {
    let address: sockaddr_in

    /// - Returns: What `parse` made of the answer.
    /// - Throws: ``ShopError``, or `CancellationError`.
    func ask<Answer>(_ question: ShopQuestion, _ parse: (String) -> Answer?) async throws -> Answer {
        let request = HTTPRequest(
            method: .GET, version: .http11, path: question.path,
            query: question.query.map { HTTPRequest.QueryItem(name: $0.name, value: $0.value) },
            headers: [.host: "127.0.0.1", .connection: "close"], body: Data())
        let (status, headers, body) = try await exchange(request, question.service)
        guard status == 200 else {
            throw ShopError(service: question.service, reason: .status(status, retryAfter: Self.retryAfter(headers)))
        }
        guard let answer = parse(String(decoding: body, as: UTF8.self)) else {
            throw ShopError(service: question.service, reason: .garbled)
        }
        return answer
    }

    private func exchange(
        _ request: HTTPRequest, _ service: ShopService
    ) async throws -> (status: Int, headers: HTTPHeaders, body: Data) {
        do {
            var client = HTTPClient()
            let response = try await client.sendHTTPRequest(request, to: address)
            return (response.statusCode.code, response.headers, try await response.bodyData)
        } catch {
            try Task.checkCancellation()
            throw ShopError(service: service, reason: .connection(String(describing: error)))
        }
    }

    /// The exact header before the one in seconds. Nil when neither says anything.
    private static func retryAfter(_ headers: HTTPHeaders) -> Duration? {
        if let milliseconds = headers[.retryAfterMilliseconds].flatMap({ UInt32($0) }) {
            return .milliseconds(Int64(milliseconds))
        }
        return headers[.retryAfter].flatMap { UInt32($0) }.map { .seconds(Int64($0)) }
    }
}
#endif
