// swift-tools-version: 6.2

import PackageDescription

// A program that wants the core only: with all traits off no other package is resolved.
let package = Package(
    name: "embedder",
    dependencies: [.package(name: "gyre", path: "../..", traits: [])],
    targets: [.executableTarget(name: "embedder", dependencies: [.product(name: "Gyre", package: "gyre")])]
)
