// swift-tools-version: 6.2
import Foundation
import PackageDescription

// libtorch is the one dependency that is neither a Debian package nor a Swift package: `cluster/setup` unpacks it.
let root = Context.packageDirectory
let libtorch = Context.environment["LIBTORCH"] ?? "\(root)/.deps/libtorch/torch"
guard FileManager.default.fileExists(atPath: "\(libtorch)/lib/libtorch_cpu.so") else {
  fatalError("no libtorch in \(libtorch): run cluster/setup, or set LIBTORCH to the folder that holds lib/libtorch_cpu.so")
}

let package = Package(
  name: "sophia",
  products: [.executable(name: "sophia", targets: ["sophia"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
  ],
  targets: [
    .systemLibrary(name: "CSodium"),
    .target(name: "ActionableErrors"),
    .target(name: "DurableFiles", dependencies: ["ActionableErrors", "CSodium"]),
  ]
)
