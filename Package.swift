// swift-tools-version: 6.2

import PackageDescription

let strictC: [CSetting] = [.treatAllWarnings(as: .error)]
let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]

let package = Package(
    name: "gyre",
    products: [
        .library(name: "Gyre", targets: ["Gyre"]),
        .library(name: "GyreCore", targets: ["GyreCore"]),
        .library(name: "GyrePolicy", targets: ["GyrePolicy"]),
        .library(name: "GyreFoundation", targets: ["GyreFoundation"]),
        .library(name: "GyreObserve", targets: ["GyreObserve"]),
        .library(name: "GyreTesting", targets: ["GyreTesting"]),
        .library(name: "GyreBench", targets: ["GyreBench"]),
        .library(name: "CGyre", targets: ["CGyre"]),
        .library(name: "GyreJemalloc", targets: ["GyreJemalloc"]),
        .executable(name: "gyre", targets: ["GyreCLI"]),
    ],
    traits: [
        .trait(name: "CLI", description: "The command line tool gyre."),
        .default(enabledTraits: ["CLI"]),
    ],
    dependencies: [
        // The command line's options, help and completions. Only the trait CLI resolves it, and the next one.
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        // HTTP server and client of the demo's services; it needs no other package and 20 CPU s to build, NIO 130.
        .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.1"),
    ],
    targets: [
        // liburcu: the overflow queue of the pool (wait-free enqueue), the tables of caches (read without a lock).
        .systemLibrary(
            name: "CURCU", path: "CSupport/urcu", pkgConfig: "liburcu", providers: [.apt(["liburcu-dev"])]),
        .target(
            name: "CGyre", dependencies: ["CURCU"], path: "CSupport/gyre", cSettings: strictC,
            // The flavour of liburcu whose readers nobody registers (settings replaced while running), its tables.
            linkerSettings: [.linkedLibrary("urcu-bp"), .linkedLibrary("urcu-cds")]),
        .target(name: "GyreCore", dependencies: ["CGyre"], swiftSettings: strict),
        .target(name: "GyrePolicy", dependencies: ["GyreCore"], swiftSettings: strict),
        .target(name: "Gyre", dependencies: ["GyreCore", "GyrePolicy"], swiftSettings: strict),
        // What needs Foundation: JSON of Codable types, named time zones.
        .target(name: "GyreFoundation", dependencies: ["Gyre", "GyrePolicy"], swiftSettings: strict),
        .target(name: "GyreObserve", dependencies: ["GyreCore"], swiftSettings: strict),
        .target(name: "GyreTesting", dependencies: ["Gyre", "GyreCore", "GyrePolicy"], swiftSettings: strict),
        // Loads, their figures and conditions on them: one engine for `gyre bench` and for the nested Benchmarks.
        .target(name: "GyreBench", dependencies: ["GyreCore"], swiftSettings: strict),
        .executableTarget(
            name: "GyreCLI",
            dependencies: [
                "Gyre", "GyreBench", "GyreObserve", "GyrePolicy", "GyreJemalloc", "GyreTesting",
                .product(
                    name: "ArgumentParser", package: "swift-argument-parser", condition: .when(traits: ["CLI"])),
                .product(name: "FlyingFox", package: "FlyingFox", condition: .when(traits: ["CLI"])),
                .product(name: "FlyingSocks", package: "FlyingFox", condition: .when(traits: ["CLI"])),
            ],
            swiftSettings: strict),
        // jemalloc: the process allocator of whoever links GyreJemalloc (tasks are released on other threads).
        .systemLibrary(
            name: "CJemalloc", path: "CSupport/jemalloc", providers: [.apt(["libjemalloc-dev"])]),
        .target(
            name: "CGyreJemalloc", dependencies: ["CJemalloc"], path: "CSupport/jemalloc-face", cSettings: strictC,
            // In this order: libjemalloc brings an operator new too, which no sanitizer replaces as it does malloc.
            linkerSettings: [.linkedLibrary("stdc++"), .linkedLibrary("jemalloc")]),
        .target(name: "GyreJemalloc", dependencies: ["CGyreJemalloc"], swiftSettings: strict),
        .testTarget(name: "GyreCoreTests", dependencies: ["GyreCore", "CGyre"], swiftSettings: strict),
        .testTarget(name: "GyrePolicyTests", dependencies: ["GyrePolicy", "GyreCore"], swiftSettings: strict),
        .testTarget(
            name: "GyreTests", dependencies: ["GyreTesting", "GyreFoundation", "Gyre", "GyreCore", "GyrePolicy"],
            swiftSettings: strict),
        .testTarget(
            name: "GyreTestingTests", dependencies: ["GyreTesting", "Gyre", "GyreCore", "GyrePolicy"],
            swiftSettings: strict),
        .testTarget(name: "GyreObserveTests", dependencies: ["GyreObserve", "GyreCore"], swiftSettings: strict),
        .testTarget(name: "GyreBenchTests", dependencies: ["GyreBench", "GyreCore"], swiftSettings: strict),
        .testTarget(
            name: "GyreCLITests",
            dependencies: [
                "GyreCLI", "GyreBench", "GyrePolicy", "GyreTesting", "Gyre", "GyreCore",
                .product(name: "FlyingFox", package: "FlyingFox", condition: .when(traits: ["CLI"])),
            ],
            swiftSettings: strict),
        .testTarget(name: "CGyreTests", dependencies: ["CGyre", "GyreCore"], swiftSettings: strict),
        // The code in README and articles, compiled and run.
        .testTarget(
            name: "DocumentationTests", dependencies: ["Gyre", "GyreCore", "GyreFoundation", "GyrePolicy"],
            swiftSettings: strict),
        // Habits that no compiler checks: imports, words, headers, lengths.
        .testTarget(name: "TidyTests", swiftSettings: strict),
        // The model checker and its harnesses over the shipped headers. Here so that plain builds compile them too;
        // `make verify` builds its own (Tests/README.md).
        .executableTarget(
            name: "GyreModel", dependencies: ["CURCU"], path: "Tests/CGyreModel",
            cSettings: strictC + [
                .define("GYRE_MODEL"), .headerSearchPath("."), .headerSearchPath("../../CSupport/gyre"),
                .headerSearchPath("../../CSupport/gyre/include"),
            ]),
        // What looks for bugs beyond single tests: `make verify` (Tests/README.md).
        .executableTarget(
            name: "GyreVerify", dependencies: ["CVerify", "Gyre", "GyreCore", "GyreObserve"], path: "Tests/Verify",
            swiftSettings: strict),
        // The parts of it that hold threads at single instructions and stamp single operations.
        .target(name: "CVerify", dependencies: ["CGyre"], path: "Tests/CVerify", cSettings: strictC),
        // Faults need a process of their own, and functions of the C library that fail on demand.
        .target(name: "CFaults", dependencies: ["CGyre"], path: "Tests/CFaults", cSettings: strictC),
        .executableTarget(
            name: "GyreFaultHost", dependencies: ["CFaults", "Gyre", "GyreCore", "GyreObserve"],
            path: "Tests/FaultHost", swiftSettings: strict),
        // Tests of the allocator start programs of their own: one process has one allocator.
        .testTarget(name: "GyreJemallocTests", dependencies: ["GyreCore"], swiftSettings: strict),
        .executableTarget(
            name: "PlainAllocatorProbe", dependencies: ["GyreCore"], path: "Tests/AllocatorProbes/Plain",
            swiftSettings: strict),
        .executableTarget(
            name: "JemallocAllocatorProbe", dependencies: ["GyreCore", "GyreJemalloc"],
            path: "Tests/AllocatorProbes/Jemalloc", swiftSettings: strict),
    ],
    cLanguageStandard: .gnu11
)

// Targets of tests that a run under a sanitizer leaves out: the Makefile names them, which saves their compilation.
let leftOut = Context.environment["GYRE_TARGETS_LEFT_OUT"]?.split(separator: ",").map(String.init) ?? []
package.targets.removeAll { $0.isTest && leftOut.contains($0.name) }
