public import GyreCore

/// How a ``FairQueue`` is bounded, shared and ordered.
public struct FairQueueConfiguration: DescribedPolicy {
    /// Tasks that may wait.
    public let capacity: Setting<Int>
    /// Tasks of one tenant that may wait; `nil` for as many as there is room. Without it one tenant can fill the queue.
    public let tenantCapacity: Setting<Int?>
    /// What happens when it is full. `suspend` and `callerRuns` are the caller's to do; to the queue they are `fail`.
    public let whenFull: Setting<BackpressureMode>
    /// A task gains one priority class per so long that it waits.
    public let ageing: Setting<Duration>
    /// The cost that one turn of a tenant of weight 1 pays for. Where costs are given, about the largest of them.
    public let quantum: Setting<UInt32>
    /// Whether of two tasks of a tenant with the same deadline the cheaper goes first.
    public let shortestFirst: Setting<Bool>
    /// Whether the queue can serve the newest first while it is overloaded; costs one more heap.
    public let servesNewestFirst: Setting<Bool>

    let ageingNanoseconds: UInt64

    /// - Parameters:
    ///   - capacity: 1 to 2^24; 1024 by default.
    ///   - tenantCapacity: 1 to `capacity`; not bounded by default.
    ///   - whenFull: `suspend` by default.
    ///   - ageing: 1 us to a century; 1 s by default.
    ///   - quantum: At least 1, the default: tasks of cost 1 take turns one by one.
    ///   - shortestFirst: Off by default.
    ///   - servesNewestFirst: Off by default.
    /// - Throws: `ConfigurationError` naming the field that is out of range.
    public init(
        capacity: Int? = nil, tenantCapacity: Int? = nil, whenFull: BackpressureMode? = nil, ageing: Duration? = nil,
        quantum: UInt32? = nil, shortestFirst: Bool? = nil, servesNewestFirst: Bool? = nil
    ) throws(ConfigurationError) {
        self.capacity = try Setting(capacity, default: 1024).checked("capacity", in: 1...(1 << 24))
        if let tenantCapacity {
            _ = try Setting(tenantCapacity, from: .user).checked("tenantCapacity", in: 1...self.capacity.value)
        }
        self.tenantCapacity = Setting(tenantCapacity, from: tenantCapacity == nil ? .default : .user)
        self.whenFull = Setting(whenFull, default: .suspend)
        self.ageing = try Setting(ageing, default: .seconds(1))
            .checked("ageing", in: .microseconds(1)...PolicyTime.longest)
        self.quantum = try Setting(quantum, default: 1).checked("quantum", in: 1 ... .max)
        self.shortestFirst = Setting(shortestFirst, default: false)
        self.servesNewestFirst = Setting(servesNewestFirst, default: false)
        ageingNanoseconds = self.ageing.nanoseconds
    }

    public var settings: [SettingDescription] {
        [
            capacity.described(as: "capacity"), tenantCapacity.described(as: "tenantCapacity"),
            whenFull.described(as: "whenFull"), ageing.described(as: "ageing"), quantum.described(as: "quantum"),
            shortestFirst.described(as: "shortestFirst"), servesNewestFirst.described(as: "servesNewestFirst"),
        ]
    }

    /// Whether waiting tasks make room for new ones.
    var sheds: Bool { whenFull.value == .shedOldest || whenFull.value == .shedLowest }
}
