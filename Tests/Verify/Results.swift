import Foundation
import GyreObserve

/// The rows of a run, for people and for programs.
struct Results {
    let size: Size
    let seed: UInt64
    let rows: [Row]
    /// From the first look to the last: less than the sum of the rows, because two lanes run at once.
    let took: Duration

    var isClean: Bool { !rows.isEmpty && rows.allSatisfy(\.found.isEmpty) }

    var table: String {
        var table = TextTable()
        table.append(["instrument", "subject", "", "cases", "found", "seconds"])
        for row in rows {
            table.append([
                row.instrument, row.subject, row.unit, grouped(row.cases), String(row.found.count),
                oneDecimal(row.seconds),
            ])
        }
        let found = rows.reduce(0) { $0 + $1.found.count }
        table.append(["in all", "", "", "", String(found), oneDecimal(took / .seconds(1))])
        return table.lines.joined(separator: "\n")
    }

    /// The rows that found something, as they were printed when the run came to them: a record of a run often keeps its
    /// last lines only.
    var findings: String? {
        let red = rows.filter { !$0.found.isEmpty }
        return red.isEmpty ? nil : red.map(\.line).joined(separator: "\n")
    }

    var json: String {
        var object = JSONObject()
        object["size"] = .string(size.rawValue)
        object["seed"] = .integer(seed)
        object["seconds"] = .number(took / .seconds(1))
        object["rows"] = .array(
            rows.map { row in
                var object = JSONObject()
                object["instrument"] = .string(row.instrument)
                object["subject"] = .string(row.subject)
                object["unit"] = .string(row.unit)
                object["cases"] = .integer(row.cases)
                object["found"] = .array(row.found.map { .string($0) })
                object["seconds"] = .number(row.seconds)
                return .object(object)
            })
        return object.text + "\n"
    }
}
