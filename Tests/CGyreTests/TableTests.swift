import CGyre
import Testing

/// The table by itself: objects are numbers in memory, keys the numbers.
@Suite struct TableTests {
    /// Number `n` in memory of its own, with a hash of few values, so that there are collisions.
    private static func object(_ number: UInt64) -> UnsafeMutableRawPointer {
        let object = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
        object.initialize(to: number)
        return UnsafeMutableRawPointer(object)
    }

    private static func hash(_ number: UInt64) -> UInt64 { number / 3 }

    private static func makeTable() throws -> OpaquePointer {
        let table: OpaquePointer? = gyre_table_create(
            { object, key in object?.load(as: UInt64.self) == key?.load(as: UInt64.self) },
            { object in object?.deallocate() })
        return try #require(table)
    }

    private static func put(_ number: UInt64, in table: OpaquePointer) throws -> Bool {
        let made: OpaquePointer? = gyre_table_node_create(table, object(number), hash(number), 10, false)
        let node = try #require(made)
        return withUnsafePointer(to: number) { gyre_table_put(table, $0, node) }
    }

    private static func find(_ number: UInt64, in table: OpaquePointer) -> OpaquePointer? {
        withUnsafePointer(to: number) { gyre_table_find(table, hash(number), $0) }
    }

    @Test func whatIsPutIsFoundUntilItIsRemoved() throws {
        let table = try Self.makeTable()
        #expect(gyre_table_any(table) == nil)
        for number: UInt64 in 0..<500 { #expect(try !Self.put(number, in: table)) }
        #expect(gyre_table_count(table) == 500, "with more buckets than it began with")
        for number: UInt64 in 0..<500 {
            gyre_table_enter()
            let node: OpaquePointer = try #require(Self.find(number, in: table))
            #expect(gyre_table_object(node)?.load(as: UInt64.self) == number)
            gyre_table_leave()
        }
        #expect(Self.find(500, in: table) == nil)
        #expect(try Self.put(7, in: table), "in place of the one before")
        #expect(gyre_table_count(table) == 500)
        let seventh: OpaquePointer = try #require(Self.find(7, in: table))
        gyre_table_remove(table, seventh)
        #expect(Self.find(7, in: table) == nil)
        #expect(Self.find(6, in: table) != nil)
        #expect(gyre_table_count(table) == 499)
        gyre_table_destroy(table)
        gyre_table_destroy(nil)
        gyre_table_settle()
    }

    @Test func aUseIsSweptOnceAndARefreshClaimedOnce() throws {
        let table = try Self.makeTable()
        #expect(try !Self.put(1, in: table))
        let node: OpaquePointer = try #require(Self.find(1, in: table))
        let cached = gyre_table_cached(node)
        #expect(!gyre_cached_sweep(cached))
        gyre_cached_touch(cached)
        gyre_cached_touch(cached)
        #expect(gyre_cached_sweep(cached))
        #expect(!gyre_cached_sweep(cached))
        #expect(!gyre_cached_is_due(cached, 9))
        #expect(!gyre_cached_claim(cached, 9, 20))
        #expect(gyre_cached_is_due(cached, 10))
        #expect(gyre_cached_claim(cached, 10, 20))
        #expect(!gyre_cached_claim(cached, 19, 30))
        gyre_table_destroy(table)
    }
}
