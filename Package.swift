// swift-tools-version: 6.2
import Foundation
import PackageDescription

// libtorch is the one dependency that is neither a Debian package nor a Swift package: `cluster/setup` unpacks it.
let libtorch = Context.environment["LIBTORCH"] ?? "\(Context.packageDirectory)/.deps/libtorch/torch"
guard FileManager.default.fileExists(atPath: "\(libtorch)/lib/libtorch_cpu.so") else {
  fatalError("no libtorch in \(libtorch): run cluster/setup, or set LIBTORCH to the folder that holds lib/libtorch_cpu.so")
}

// Whoever links libtorch finds it again at run time where it was built against, or beside the program.
let torchLinking: [LinkerSetting] = [
  .unsafeFlags(["-L\(libtorch)/lib", "-Xlinker", "-rpath", "-Xlinker", "\(libtorch)/lib"]),
  .linkedLibrary("torch_cpu"), .linkedLibrary("c10"),
]

func library(
  _ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = [], resources: [Resource] = [],
  _ swiftSettings: [SwiftSetting] = []
) -> Target {
  .target(name: name, dependencies: dependencies, exclude: exclude, resources: resources, swiftSettings: swiftSettings)
}

/// Fixtures are read from the source folder, by path.
func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
  .testTarget(name: "\(name)Tests", dependencies: [.byName(name: name)] + dependencies, exclude: exclude)
}

/// The fuzzers, which cluster/fuzz builds with its own instrumentation and nobody else needs.
let fuzzers: [Target] =
  Context.environment["SOPHIA_FUZZ"] == nil
  ? []
  : [
    .executableTarget(
      name: "sophia-fuzz",
      dependencies: ["DurableFiles", "FuzzTargets", "Rollout", "Settings", "TrustGRPO", "WeightDeltas", "Wire"],
      path: "Sources/Fuzz"),
  ]

let package = Package(
  name: "sophia",
  products: [.executable(name: "sophia", targets: ["sophia"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
  ],
  targets: [
    // System libraries
    .systemLibrary(name: "CCrypto"),
    .systemLibrary(name: "CCurl"),
    .systemLibrary(name: "CLinux"),
    .systemLibrary(name: "CPNG"),
    .systemLibrary(name: "CTurboJPEG"),
    .systemLibrary(name: "CZeroMQ"),
    .systemLibrary(name: "CZstd"),
    .target(
      name: "CTorch",
      cxxSettings: [
        .unsafeFlags(["-isystem", "\(libtorch)/include", "-isystem", "\(libtorch)/include/torch/csrc/api/include"])
      ],
      linkerSettings: torchLinking),
    // Foundations
    library("ActionableErrors"),
    library("DurableFiles", ["ActionableErrors", "CCrypto", "CLinux"]),
    library("Limits"),
    library("Threads", ["CLinux"]),
    library("HTTP", ["Limits", "CCurl"]),
    library("HTTPServer", ["ActionableErrors"]),
    library("ZeroMQ", ["ActionableErrors", "DurableFiles", "Limits", "CLinux", "CZeroMQ"]),
    library("Torch", ["ActionableErrors", "DurableFiles", "Limits", "CTorch"]),
    library("Images", ["ActionableErrors", "Limits", "CPNG", "CTurboJPEG"]),
    library("Tokenization", ["ActionableErrors", "DurableFiles", "Limits"]),
    // The method
    library("TrustGRPO", ["ActionableErrors"]),
    library("DataSets", ["ActionableErrors", "DurableFiles", "Limits"]),
    library("Rewards", ["ActionableErrors", "DataSets", "Limits", "TrustGRPO"]),
    library("VisualReasoning", ["ActionableErrors", "DataSets", "DurableFiles", "Images", "Limits"]),
    library("VisionLanguage", ["ActionableErrors", "DurableFiles", "Images", "Limits", "Torch"]),
    library("Settings", ["ActionableErrors", "DurableFiles", "Limits", "TrustGRPO", "Yams"]),
    // The system
    library("Rollout", ["DurableFiles", "Limits", "TrustGRPO"]),
    library(
      "Wire",
      [
        "ActionableErrors", "DurableFiles", "Limits", "Rollout", "TrustGRPO",
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      exclude: ["Protos"]),
    library("ServedReward", ["ActionableErrors", "HTTP", "Rewards", "Rollout"]),
    library("JudgeServer", ["HTTPServer", "Limits", "ServedReward"]),
    library("WeightDeltas", ["Limits", "Rollout", "CZstd"]),
    library(
      "Cluster", [
        "ActionableErrors", "DurableFiles", "Limits", "Rollout", "Threads", "TrustGRPO", "WeightDeltas", "Wire",
      ]),
    library("ClusterZeroMQ", ["ActionableErrors", "Cluster", "Limits", "Rollout", "Wire", "ZeroMQ"]),
    library(
      "RunStore", [
        "ActionableErrors", "DurableFiles", "Rollout", "TrustGRPO", .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "GRDBSQLite", package: "GRDB.swift"),
      ]),
    library(
      "Engines",
      [
        "ActionableErrors", "DataSets", "DurableFiles", "Images", "Limits", "RewardProgram", "Rewards", "Rollout",
        "ServedReward", "Settings", "Threads", "Tokenization", "Torch", "TrustGRPO", "VisionLanguage",
      ]),
    // One object in one thread: checking every access of its fields while it runs takes a tenth of its time.
    library(
      "Simulator", [
        "ActionableErrors", "DurableFiles", "Limits", "Rollout", "TrustGRPO", "WeightDeltas", "Wire",
      ],
      [.unsafeFlags(["-enforce-exclusivity=unchecked"])]),
    library("Dashboard", ["ActionableErrors", "DurableFiles", "Rollout", "RunStore"]),
    library("FaultProxy", ["ActionableErrors", "CLinux"]),
    library("RewardProgram", ["ActionableErrors", "Limits", "CLinux"]),
    library(
      "Runs",
      [
        "ActionableErrors", "Cluster", "ClusterZeroMQ", "Dashboard", "DataSets", "DurableFiles", "Engines", "Limits",
        "Rewards", "Rollout", "RunStore", "ServedReward", "Settings", "Simulator", "Threads", "Tokenization",
        "Torch", "TrustGRPO", "VisionLanguage", "VisualReasoning", "WeightDeltas", "Wire", "ZeroMQ",
      ],
      // The scripts of jobs are part of the program, which runs without this folder.
      resources: [.embedInCode("Slurm")]),
    library(
      "Ablation",
      [
        "ActionableErrors", "Dashboard", "DataSets", "DurableFiles", "Engines", "JudgeServer", "Rewards", "Rollout", "RunStore",
        "Runs", "Settings", "Threads", "Torch", "TrustGRPO", "VisualReasoning",
      ]),
    library(
      "Chaos",
      [
        "ActionableErrors", "Cluster", "ClusterZeroMQ", "Dashboard", "DataSets", "DurableFiles", "Engines", "FaultProxy",
        "JudgeServer", "Rollout", "RunStore", "Runs", "Settings", "VisualReasoning", "Wire", "ZeroMQ", "Yams",
      ]),
    .executableTarget(
      name: "sophia",
      dependencies: [
        "Ablation", "ActionableErrors", "Chaos", "Dashboard", "DataSets", "DurableFiles", "Engines", "HTTPServer", "JudgeServer", "Limits",
        "Rewards", "Rollout", "Runs",
        "ServedReward", "Settings",
        "Simulator", "Tokenization", "Torch", "TrustGRPO", "VisionLanguage", "VisualReasoning", "ZeroMQ", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    // What decodes bytes from outside, one target a decoder
    library(
      "FuzzTargets",
      [
        "Ablation", "Chaos", "DataSets", "DurableFiles", "Images", "RewardProgram", "Rewards", "Rollout", "Runs", "ServedReward",
        "Settings", "Tokenization", "Torch", "TrustGRPO", "VisionLanguage", "WeightDeltas", "Wire", "ZeroMQ",
      ]),
    // Tests
    .target(name: "Attackers", dependencies: ["ZeroMQ"], path: "Tests/Attackers"),
    tests("DurableFiles", ["ActionableErrors"]),
    tests("ZeroMQ", ["ActionableErrors", "Attackers", "DurableFiles"]),
    tests("ClusterZeroMQ", ["ActionableErrors", "Cluster", "DurableFiles", "Rollout", "Wire", "ZeroMQ"]),
    tests("Torch", ["ActionableErrors", "CTorch", "DurableFiles"], exclude: ["Fixtures"]),
    tests("Images", ["ActionableErrors", "DurableFiles"], exclude: ["Fixtures"]),
    tests("Tokenization", ["ActionableErrors", "DurableFiles"], exclude: ["Fixtures"]),
    tests("TrustGRPO", ["ActionableErrors"], exclude: ["Fixtures"]),
    tests("DataSets", ["ActionableErrors", "DurableFiles"]),
    tests("Rewards", ["ActionableErrors", "DataSets", "TrustGRPO"], exclude: ["Fixtures"]),
    tests("VisualReasoning", ["ActionableErrors", "DataSets", "DurableFiles", "Images"]),
    tests(
      "VisionLanguage", ["ActionableErrors", "DurableFiles", "Images", "Torch"], exclude: ["Fixtures", "ImageFixtures"]),
    tests("Settings", ["ActionableErrors", "DurableFiles", "TrustGRPO"]),
    tests("Rollout", ["DurableFiles", "Limits", "TrustGRPO", "WeightDeltas"]),
    tests("WeightDeltas", ["DurableFiles", "Rollout"]),
    tests("Wire", ["DurableFiles", "Limits", "Rollout", "TrustGRPO", .product(name: "SwiftProtobuf", package: "swift-protobuf")]),
    tests("HTTPServer", ["ActionableErrors"]),
    tests("ServedReward", ["ActionableErrors", "HTTP", "JudgeServer", "Rollout"]),
    tests("Simulator", ["DurableFiles", "Limits", "Rollout", "TrustGRPO", "Wire"]),
    tests("Cluster", ["ActionableErrors", "DurableFiles", "Limits", "Rollout", "Threads", "TrustGRPO", "Wire"]),
    tests(
      "RunStore",
      ["ActionableErrors", "DurableFiles", "Rollout", "TrustGRPO", .product(name: "GRDB", package: "GRDB.swift")]),
    tests(
      "Engines",
      [
        "ActionableErrors", "DataSets", "DurableFiles", "Images", "JudgeServer", "Rollout", "Settings", "Tokenization",
        "Torch", "TrustGRPO", "VisionLanguage",
      ], exclude: ["Fixtures"]),
    tests("Dashboard", ["ActionableErrors", "DurableFiles", "Rollout", "RunStore", "TrustGRPO"], exclude: ["Fixtures"]),
    tests("FaultProxy", ["ActionableErrors"]),
    tests("RewardProgram", ["ActionableErrors"]),
    tests(
      "Ablation",
      [
        "ActionableErrors", "Dashboard", "DataSets", "DurableFiles", "Engines", "Rollout", "Runs", "Settings", "TrustGRPO",
        "VisualReasoning",
      ]),
    tests("Chaos", ["Cluster", "DurableFiles", "Rollout", "Settings"]),
    tests(
      "Runs",
      [
        "Attackers", "Cluster", "ClusterZeroMQ", "DataSets", "DurableFiles", "Engines", "FaultProxy", "JudgeServer", "Limits", "Rollout", "RunStore",
        "Settings", "Simulator", "TrustGRPO", "VisualReasoning", "Wire", "ZeroMQ", .product(name: "GRDB", package: "GRDB.swift"),
      ]),
    tests("FuzzTargets", ["DurableFiles", "Rollout", "WeightDeltas", "Wire"], exclude: ["Corpus", "Dictionaries"]),
  ] + fuzzers
)
