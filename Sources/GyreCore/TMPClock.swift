struct CPUTopology { var effectiveParallelism = 2; var affinity = [0,1]; static func current() -> CPUTopology { .init() } }
enum ThreadAffinity { static func pin(toCore: Int) -> Bool { false }; static func pinToPresentCore() -> Bool { false }; static func restore() {}; static func setName(_ s: String) {} }
