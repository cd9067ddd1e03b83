// swift-tools-version: 6.2

import PackageDescription

let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]

// Measurements stand outside the package they measure: whoever depends on Gyre never sees them, and they see of Gyre
// what everybody sees, its public API.
let package = Package(
    name: "benchmarks",
    dependencies: [
        // The command line is not measured here, so its packages are not fetched.
        .package(name: "gyre", path: "..", traits: []),
        // A peer: NIOThreadPool.
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        // A peer: the counter of most Swift servers.
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        // Of a peer: the deque behind a mutex.
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    ],
    targets: [
        .executableTarget(
            name: "scratch",
            dependencies: [
                "BenchKit",
                .product(name: "Gyre", package: "gyre"),
                .product(name: "GyreJemalloc", package: "gyre"),
            ],
            swiftSettings: strict),
        // `make bench`: everything beside its peers.
        .executableTarget(
            name: "bench",
            dependencies: [
                "BenchKit", "BenchPeers", "BenchPools",
                .product(name: "GyreCore", package: "gyre"),
                .product(name: "CoreMetrics", package: "swift-metrics"),
            ],
            swiftSettings: strict),
        // `make bench-report`: a file of `make bench` as a page.
        .executableTarget(name: "bench-report", dependencies: ["BenchKit"], swiftSettings: strict),
        // `make gates`: what a task costs in counts that do not wobble, against a baseline in the tree.
        .executableTarget(name: "gates", dependencies: ["BenchKit"], swiftSettings: strict),
        // The program whose instructions, allocations and system calls are counted.
        .executableTarget(
            name: "gatehost", dependencies: ["CGateHooks", .product(name: "Gyre", package: "gyre")],
            swiftSettings: strict),
        // The functions that allocate, counted.
        .target(name: "CGateHooks", cSettings: [.treatAllWarnings(as: .error)]),
        // Cells, subjects, turns, figures and their report.
        .target(
            name: "BenchKit",
            dependencies: [
                .product(name: "Gyre", package: "gyre"),
                // The statistics that `gyre bench` has too.
                .product(name: "GyreBench", package: "gyre"),
                // Tasks are released on other threads than they were made on; the command line has the same allocator.
                .product(name: "GyreJemalloc", package: "gyre"),
            ],
            swiftSettings: strict),
        // Executors, ours and others', each run in a process of its own.
        .target(
            name: "BenchPools",
            dependencies: [
                "BenchKit", "BenchPeers",
                .product(name: "Gyre", package: "gyre"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "DequeModule", package: "swift-collections"),
            ],
            swiftSettings: strict),
        // Rings, counters and lines, ours and others', each in a translation unit of its own.
        .target(
            name: "BenchPeers",
            dependencies: ["CTBB", .product(name: "CGyre", package: "gyre")],
            cxxSettings: [.treatAllWarnings(as: .error)]),
        // The one peer that is more than headers. Without its package the flags are empty, and so is the peer.
        .systemLibrary(name: "CTBB", pkgConfig: "tbb"),
        .testTarget(name: "BenchKitTests", dependencies: ["BenchKit"], swiftSettings: strict),
        .testTarget(name: "BenchPoolsTests", dependencies: ["BenchKit", "BenchPools"], swiftSettings: strict),
    ],
    cxxLanguageStandard: .gnucxx17
)
