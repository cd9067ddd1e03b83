import Gyre
import GyreFoundation

/// The article about work that is kept, up to its end; returns what it came to.
func engineExample() async throws -> (replayed: [String], words: [String], state: JobState?) {
    let gyre = try Runtime()
    let quote = TaskHandler<Stay, Int>("quote", limits: HandlerLimits(idle: .seconds(30))) { stay, context in
        context.progress(0.5, "asked the hotel")
        return try await askHotel(stay)
    }

    var graph = TaskGraph<Stay>("stay")
    let price = graph.node("price", calling: quote)
    let offer = graph.node("offer", price) { stay, price in "\(stay.city): \(price) EUR" }
    let plan = try graph.build()

    let stay = Stay(city: "Paris", nights: 3)
    let first = try await gyre.run(plan, stay, recording: RunRecording("stay-17"))
    let again = try await gyre.run(plan, stay, recording: RunRecording("stay-17"))
    print(try first[offer].get() == again[offer].get(), again.replayed)  // true ["price"]
    try await gyre.journal.forget("stay-17")

    var handlers = TaskHandlers()
    try handlers.add(quote)
    let worker = EngineWorker("mill-1", on: gyre, engine: gyre.engine, handlers: handlers)
    let serving = Task { try await worker.run() }
    try await gyre.engine.submit(EngineJob(key: "stay-18", handler: "quote", input: TaskCodec.json.encode(stay)))
    let outcome = try await gyre.engine.outcome(of: "stay-18")
    let state = try await gyre.engine.state(of: "stay-18")

    gyre.pause(.dependency("quote"), until: gyre.clock.now + .seconds(60))
    gyre.pause(.lane(.background))
    gyre.resume(.dependency("quote"))
    for letter in gyre.engine.deadLetters { print(letter.key, letter.reason, letter.attempts.map(\.error)) }
    gyre.engine.redrive { $0.job.handler == "quote" }

    let words = try gyre.stream(of: String.self, capacity: 16) { output in
        for word in ["one", "two", "three"] { try await output.send(word) }
    }
    var read: [String] = []
    for try await word in words { read.append(word) }

    let morning = try CronExpression("0 6 * * MON-FRI")
    let schedule = try gyre.schedule("report", .cron(morning, in: .named("Europe/Berlin")), misfire: .skip) { due in
        print("the report of \(due.secondsSince1970)")
    }
    print(schedule.report.runs, schedule.report.missed)
    schedule.cancel()

    serving.cancel()
    try await serving.value
    await gyre.drain()
    print(outcome)
    return (again.replayed, read, state)
}

struct Stay: Codable, Sendable {
    let city: String
    let nights: Int
}

func askHotel(_ stay: Stay) async throws -> Int { 90 * stay.nights }
