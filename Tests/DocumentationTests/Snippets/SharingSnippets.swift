import Gyre
import GyrePolicy

/// The article about asking once for many; returns what its calls have come to.
func sharingExample() async throws -> (page: String, charged: Replayable<String>, vector: Int, lines: Int) {
    let gyre = try Runtime()
    let pages = try ResultCache<String, String>(
        on: gyre,
        CachePolicy(weightMax: 10_000, ttl: .seconds(60), refreshAfter: .seconds(30), staleIfError: .seconds(600)))
    let page = try await pages.value(for: "/home") { try await fetch("/home") }

    let charges = try IdempotentRuns<String>(on: gyre, IdempotencyPolicy(retention: .seconds(86_400)))
    let receipt = try await charges.run("order-17", scope: "tenant-3", fingerprint: "12 EUR") {
        try await charge("12 EUR")
    }
    if receipt.isReplayed { print("charged before") }

    let batches = try BatchPolicy(max: 64, within: .milliseconds(2))
    let embed = try Batcher<String, String, Int>(on: gyre, batches) { model, texts in
        try await embeddings(of: texts, by: model).map { .success($0) }
    }
    let vector = try await embed.value(of: "a text", key: "small")

    let lines = try await gyre.blocking { try readLog("today") }

    await embed.close()
    await pages.close()
    await gyre.drain()
    return (page, receipt, vector, lines)
}

private func fetch(_ path: String) async throws -> String { "page of \(path)" }
private func charge(_ amount: String) async throws -> String { "charged \(amount)" }
private func embeddings(of texts: [String], by model: String) async throws -> [Int] { texts.map(\.count) }
private func readLog(_ day: String) throws -> Int { day.count }
