extension Ring {
    /// What became of a push that may replace.
    public enum ReplaceResult: Sendable {
        case pushed
        /// The ring was full. The element is in, and its oldest one is out: here it is.
        case replaced(Element)
        /// Nothing was stored: there was no place to put the element in. Only where more than 64 threads use rings at
        /// the same time, and 16 of those beyond the first 64 are in a call.
        case full
        /// Nothing was stored, and nothing will be.
        case closed

        /// The element that came out, if one did.
        public var replaced: Element? {
            if case .replaced(let element) = self { return element }
            return nil
        }
    }

    /// Appends `element`, to a full ring in place of the oldest: for rings that keep the last of what happens, such as
    /// events, and for queues that shed their oldest.
    ///
    /// Taking the oldest out and putting the new one in are one step: each call replaces one element at most, each
    /// element comes out once, of a pop or of such a call, and no other push gets the room. With a lane, its batches
    /// are not looked at.
    ///
    /// - Complexity: O(1). No allocation.
    /// - Concurrency: Lock-free, from any thread, beside all other calls.
    public func pushReplacingOldest(_ element: Element) -> ReplaceResult {
        guard var place = slab.take() else { return slab.isClosed ? .closed : .full }
        (places + Int(place)).initialize(to: element)
        switch slab.pushOver(&place) {
        case false?: return .pushed
        case true?:
            let oldest = (places + Int(place)).move()
            slab.give(place)
            return .replaced(oldest)
        case nil:
            (places + Int(place)).deinitialize(count: 1)
            slab.give(place)
            return .closed
        }
    }
}
