import FlyingFox
import Foundation
import Gyre
import GyreTesting
import Testing

@testable import GyreCLI

/// The server of the demo by its port: what it answers, and what it refuses.
@Suite(.serialized, .unlessThreadSanitized) struct ShopServerTests {
    private static let healthy = ShopFaults(ofAttempt: FaultPlan(seed: 1), ofPurchase: FaultPlan(seed: 1))
    private static let levels = (1...16).map(String.init).joined(separator: ".")

    private func withServer<Value>(
        _ faults: ShopFaults = healthy, _ body: (ShopServer) async throws -> Value
    ) async throws -> Value {
        let server = try await ShopServer(faults: faults)
        let result: Result<Value, any Error>
        do { result = .success(try await body(server)) } catch { result = .failure(error) }
        await server.stop()
        return try result.get()
    }

    private func status(
        _ server: ShopServer, _ path: String, _ query: String = "", method: HTTPMethod = .GET
    ) async throws -> (code: Int, text: String, headers: HTTPHeaders) {
        let items = query.split(separator: "&").map { item in
            let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return HTTPRequest.QueryItem(name: String(parts[0]), value: parts.count > 1 ? String(parts[1]) : "")
        }
        var client = HTTPClient()
        let response = try await client.sendHTTPRequest(
            HTTPRequest(
                method: method, version: .http11, path: path, query: items, headers: [.host: "127.0.0.1"],
                body: Data()), to: server.address)
        return (
            response.statusCode.code, String(decoding: try await response.bodyData, as: UTF8.self), response.headers
        )
    }

    @Test func goodQuestionsAreAnswered() async throws {
        try await withServer { server in
            let stock = try await status(server, "/stock", "date=1997-1-1&purchase=0&attempt=1")
            #expect(stock.code == 200)
            #expect(Stock(answer: stock.text) != nil)
            let price = try await status(
                server, "/price-mirror", "tier=gold&levels=\(Self.levels)&purchase=0&attempt=1")
            #expect(price.code == 200)
            #expect(PriceList(answer: price.text) != nil)
            #expect(server.answersCount == 2)
        }
    }

    @Test func badQuestionsAreRefusedWithTheReason() async throws {
        let key = "purchase=1&attempt=1"
        let bad: [(path: String, query: String, code: Int, reason: String)] = [
            ("/", key, 404, "no service"), ("/stocks", key, 404, "no service"), ("/stock/x", key, 404, "no service"),
            ("/stock", key, 400, "date: it is missing"), ("/stock", "date=1997-2-29&" + key, 400, "date: it cannot"),
            ("/stock", "date=1997-1&" + key, 400, "date: it cannot"),
            ("/stock", "date=1997-1-1&date=1997-1-1&" + key, 400, "date: it is there twice"),
            ("/stock", "date=1997-1-1&purchase=-1&attempt=1", 400, "purchase: it cannot"),
            ("/stock", "date=1997-1-1&purchase=1&attempt=0", 400, "attempt: it cannot"),
            ("/stock", "date=1997-1-1&colour=red&" + key, 400, "colour: nobody asks for it"),
            ("/price", "tier=tin&levels=\(Self.levels)&" + key, 400, "tier: it cannot"),
            ("/price", "tier=new&levels=1.2.3&" + key, 400, "levels: it cannot"),
            ("/price", "tier=new&levels=\(Self.levels).1&" + key, 400, "levels: it cannot"),
            ("/price", "tier=new&levels=\(Self.levels.replacing("16", with: "256"))&" + key, 400, "levels: it cannot"),
        ]
        try await withServer { server in
            for question in bad {
                let answer = try await status(server, question.path, question.query)
                #expect(answer.code == question.code, "\(question)")
                #expect(answer.text.contains(question.reason), "\(question): \(answer.text)")
            }
            let posted = try await status(server, "/stock", "date=1997-1-1&" + key, method: .POST)
            #expect(posted.code == 405)
        }
    }

    @Test func aFaultIsWhatThePlanSaysForTheAttempt() async throws {
        let faults = ShopFaults.chaos(seed: 3, purchases: 100)
        let client: @Sendable (ShopServer, UInt32, Int) async throws -> ErrorClass? = { server, purchase, attempt in
            let date = try #require(CalendarDate(year: 1997, month: 1, day: 1))
            let question = ShopQuestion(
                service: .stock, subject: .stock(on: date), purchase: purchase, attempt: attempt)
            do {
                _ = try await ShopClient(address: server.address).ask(question) { Stock(answer: $0) }
                return nil
            } catch let error as ShopError {
                return error.errorClass
            }
        }
        try await withServer(faults) { server in
            var seen: Set<ErrorKinds> = []
            for purchase in UInt32(0)..<60 {
                for attempt in 1...2 {
                    let date = try #require(CalendarDate(year: 1997, month: 1, day: 1))
                    let question = ShopQuestion(
                        service: .stock, subject: .stock(on: date), purchase: purchase, attempt: attempt)
                    let failure = try await client(server, purchase, attempt)
                    #expect(failure == faults.fault(of: question).failure)
                    if let failure { seen.insert(failure.kind) }
                }
            }
            #expect(seen.contains(.transient) && seen.contains(.overloaded))
        }
    }

    @Test func throttlingSaysWhenInBothHeaders() async throws {
        let faults = ShopFaults(
            ofAttempt: FaultPlan(seed: 1, [.init(nil, .all, .throttle(retryAfter: .milliseconds(1_200)))]),
            ofPurchase: FaultPlan(seed: 1))
        try await withServer(faults) { server in
            let answer = try await status(server, "/stock", "date=1997-1-1&purchase=0&attempt=1")
            #expect(answer.code == 429)
            #expect(answer.headers[.retryAfter] == "2")
            #expect(answer.headers[.retryAfterMilliseconds] == "1200")
        }
    }

    @Test func anOldPortAnswersNobody() async throws {
        let server = try await ShopServer(faults: Self.healthy)
        #expect(server.port > 0)
        await server.stop()
        await #expect(throws: (any Error).self) { try await status(server, "/stock") }
    }

    @Test func eachStatusHasItsClass() {
        func kind(_ code: Int, _ retryAfter: Duration? = nil) -> ErrorClass {
            ShopError(service: .stock, reason: .status(code, retryAfter: retryAfter)).errorClass
        }
        #expect(kind(429, .milliseconds(30)) == .throttled(retryAfter: .milliseconds(30)))
        #expect(kind(429) == .throttled(retryAfter: nil))
        #expect(kind(503) == .overloaded)
        #expect(kind(503, .seconds(1)) == .throttled(retryAfter: .seconds(1)))
        #expect(kind(504) == .timedOut && kind(408) == .timedOut)
        #expect(kind(410) == .permanent && kind(400) == .permanent)
        #expect(kind(500) == .transient && kind(302) == .transient)
        #expect(ShopError(service: .price, reason: .garbled).errorClass == .transient)
    }
}
