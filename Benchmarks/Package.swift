// swift-tools-version: 6.2

import PackageDescription

// Measurements stand outside the package they measure: whoever depends on Gyre never sees them, and they see of Gyre
// what everybody sees, its public API.
let package = Package(
    name: "benchmarks",
    dependencies: [
        // The command line is not measured here, so its packages are not fetched.
        .package(name: "gyre", path: "..", traits: [])
    ],
    targets: [
        .executableTarget(
            name: "scratch",
            dependencies: [
                .product(name: "Gyre", package: "gyre"),
                // Tasks are released on other threads than they were made on; the command line has the same allocator.
                .product(name: "GyreJemalloc", package: "gyre"),
            ],
            swiftSettings: [.treatAllWarnings(as: .error)])
    ]
)
