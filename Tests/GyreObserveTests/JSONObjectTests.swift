import Foundation
import GyreObserve
import Testing

@Suite struct JSONObjectTests {
    @Test func keysKeepTheirOrder() {
        var object = JSONObject()
        object["b"] = .integer(1)
        object["a"] = .bool(true)
        object["c"] = .null
        object["b"] = .integer(2)
        object["c"] = nil
        #expect(object.keys == ["b", "a"])
        #expect(object["b"] == .integer(2))
        #expect(object.text == "{\n  \"b\": 2,\n  \"a\": true\n}")
    }

    @Test func mergingReplacesAndAppends() {
        var object = JSONObject()
        object["a"] = .integer(1)
        var other = JSONObject()
        other["b"] = .integer(2)
        other["a"] = .integer(3)
        object.merge(other)
        #expect(object.keys == ["a", "b"])
        #expect(object["a"] == .integer(3))
    }

    @Test func emptyOnesTakeOneLine() {
        var object = JSONObject()
        #expect(object.text == "{}")
        object["a"] = .array([])
        object["o"] = .object(JSONObject())
        #expect(object.text == "{\n  \"a\": [],\n  \"o\": {}\n}")
    }

    /// Foundation's parser is the witness: what is written is read back the same.
    @Test func anotherParserReadsTheSame() throws {
        let awkward = "quote \" backslash \\ line\n\r\ttab \u{0} \u{1F} € 😀 /"
        var inner = JSONObject()
        inner[awkward] = .string(awkward)
        var object = JSONObject()
        object["large"] = .integer(.max)
        object["negative"] = .signed(.min)
        object["number"] = .number(-0.25)
        object["tiny"] = .number(1e-300)
        object["infinite"] = .number(.infinity)
        object["array"] = .array([.bool(false), .object(inner), .array([.null])])
        let parsed = try JSONSerialization.jsonObject(with: Data(object.text.utf8))
        let read = try #require(parsed as? [String: Any])
        #expect(read["large"] as? UInt64 == .max)
        #expect(read["negative"] as? Int64 == .min)
        #expect(read["number"] as? Double == -0.25)
        #expect(read["tiny"] as? Double == 1e-300)
        #expect(read["infinite"] is NSNull)
        let array = try #require(read["array"] as? [Any])
        #expect(array.count == 3)
        #expect(array[1] as? [String: String] == [awkward: awkward])
    }
}
