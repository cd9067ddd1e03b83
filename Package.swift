// swift-tools-version: 6.2

import PackageDescription

let strictC: [CSetting] = [.treatAllWarnings(as: .error)]
let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]

let package = Package(
    name: "gyre",
    products: [
        .library(name: "Gyre", targets: ["Gyre"]),
        .library(name: "GyreCore", targets: ["GyreCore"]),
        .library(name: "CGyre", targets: ["CGyre"]),
    ],
    targets: [
        // liburcu: the overflow queue of the pool (wait-free enqueue).
        .systemLibrary(
            name: "CURCU", path: "CSupport/urcu", pkgConfig: "liburcu", providers: [.apt(["liburcu-dev"])]),
        .target(name: "CGyre", dependencies: ["CURCU"], path: "CSupport/gyre", cSettings: strictC),
        .target(name: "GyreCore", dependencies: ["CGyre"], swiftSettings: strict),
        .target(name: "Gyre", dependencies: ["GyreCore"], swiftSettings: strict),
        .testTarget(name: "GyreCoreTests", dependencies: ["GyreCore", "CGyre"], swiftSettings: strict),
        .testTarget(name: "CGyreTests", dependencies: ["CGyre"], swiftSettings: strict),
    ],
    cLanguageStandard: .gnu11
)
