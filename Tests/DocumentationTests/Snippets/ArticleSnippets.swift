import Gyre

/// The first page of the documentation; returns its last value.
func overviewExample() async throws -> Int {
    let gyre = try Runtime()
    let handle = try gyre.post { 6 * 7 }
    let answer = try await handle.value
    let doubled = try await gyre.run { answer * 2 }
    await gyre.drain()
    return doubled
}
