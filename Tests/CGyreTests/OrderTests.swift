import CGyre
import Glibc
import Testing

@Suite struct OrderTests {
    @Test func whoeverFindsNobodyGoesAtOnce() {
        let line = Line(links: 1)
        #expect(gyre_order_enter(line.line, line[0]) == nil)
        var isRemoved = false
        #expect(gyre_order_leave(line.line, line[0], &isRemoved) == nil)
        #expect(isRemoved, "the line is empty again")
    }

    @Test func turnsAreHandedOverInOrderOfArrival() {
        let line = Line(links: 4)
        #expect(gyre_order_enter(line.line, line[0]) == nil)
        for place in 1..<4 {
            let before = gyre_order_enter(line.line, line[place])
            #expect(before == line[place - 1])
            #expect(gyre_order_follow(before, line[place]), "it waits")
        }
        var isRemoved = false
        for place in 0..<3 {
            #expect(gyre_order_leave(line.line, line[place], &isRemoved) == line[place + 1])
            #expect(!isRemoved)
        }
        #expect(gyre_order_leave(line.line, line[3], &isRemoved) == nil)
        #expect(isRemoved)
    }

    /// The one before leaves between the enter and the follow: it marks itself, and the follower finds the mark.
    @Test func whoeverLinksItselfTooLateGoesAtOnce() {
        let line = Line(links: 2)
        #expect(gyre_order_enter(line.line, line[0]) == nil)
        let before = gyre_order_enter(line.line, line[1])
        #expect(before == line[0])
        var isRemoved = false
        #expect(gyre_order_leave(line.line, line[0], &isRemoved) == nil)
        #expect(!isRemoved, "the tail has passed on")
        #expect(!gyre_order_follow(before, line[1]), "its turn")
        #expect(gyre_order_leave(line.line, line[1], &isRemoved) == nil)
        #expect(isRemoved)
    }

    /// Threads enter one line with link after link; whoever leaves runs the turn of the next. Plain words are written
    /// in turns only, so a second one inside at the same time is found here, and by ThreadSanitizer.
    @Test(arguments: [2, 4, 6]) func oneIsInsideAtATimeAndEveryTurnComes(threads: Int) {
        let each = 3_000
        let line = Line(links: threads * each)
        let words = Plain(count: 1 + threads)
        let wrong = Tally()
        onThreads(threads) { me in
            for number in 0..<each {
                let own = line[me * each + number]
                if let before = gyre_order_enter(line.line, own), gyre_order_follow(before, own) { continue }
                var turn: UnsafeMutablePointer<gyre_order_link>? = own
                while let link = turn {
                    let (thread, place) = line.place(of: link).quotientAndRemainder(dividingBy: each)
                    if words[1 + thread] != UInt64(place) { wrong.add() }  // each thread's turns in its own order
                    words[1 + thread] = UInt64(place) + 1
                    words[0] += 1
                    var isRemoved = false
                    turn = gyre_order_leave(line.line, link, &isRemoved)
                }
            }
        }
        #expect(wrong.count == 0)
        #expect(words[0] == UInt64(threads * each))
    }
}

/// A line and links that all live to the end.
private final class Line: @unchecked Sendable {  // words are atomics
    let line = UnsafeMutablePointer<gyre_order_line>.allocate(capacity: 1)
    private let links: UnsafeMutablePointer<gyre_order_link>

    init(links count: Int) {
        links = .allocate(capacity: count)
        gyre_order_line_init(line)
        for place in 0..<count { gyre_order_link_init(links + place) }
    }

    deinit {
        line.deallocate()
        links.deallocate()
    }

    subscript(place: Int) -> UnsafeMutablePointer<gyre_order_link> { links + place }
    func place(of link: UnsafeMutablePointer<gyre_order_link>) -> Int { link - links }
}
