internal import ActionableErrors
internal import DataSets
internal import Foundation
internal import Simulator

/// Every knob of a simulation by name, so that one can be turned on the command line: `costs.latency=0.1`.
enum SimulationKnobs {
  /// Knobs that may be absent, and what they hold otherwise.
  private static let optional = ["hedgeAfter", "costs.cores"]

  /// Each with its value: numbers, `true`, `false`, or a list of fault kinds.
  static func table(_ options: SimulationOptions) throws -> [(name: String, value: String)] {
    try flat(value(of: options), "").filter { !$0.name.hasPrefix("trustGRPO") }.map { ($0.name, $0.value.serialized) }
  }

  /// - Parameter settings: `name=value`; the last one wins.
  static func turn(_ options: SimulationOptions, _ settings: [String]) throws -> SimulationOptions {
    guard !settings.isEmpty else { return options }
    var object = try value(of: options)
    let known = flat(object, "").map(\.name) + optional
    for setting in settings {
      let parts = setting.split(separator: "=", maxSplits: 1).map(String.init)
      guard parts.count == 2 else {
        throw UsageError(message: "--set \(setting) is not NAME=VALUE", advice: "write, for instance, --set costs.latency=0.1")
      }
      guard known.contains(parts[0]) else {
        throw UsageError(
          message: "--set \(setting): there is no knob \(parts[0])", advice: "`sophia simulate --list-knobs` shows all")
      }
      let text = parts[1] == "none" ? "null" : parts[1]
      guard let parsed = try? JSONParser.parse(text) else {
        throw UsageError(message: "--set \(setting): \(parts[1]) is no value", advice: "give a number, true, false or none")
      }
      object = set(object, parts[0].split(separator: ".").map(String.init)[...], parsed)
    }
    do {
      return try JSONDecoder().decode(SimulationOptions.self, from: Data(object.serialized.utf8))
    } catch {
      throw UsageError(
        message: "--set \(settings.joined(separator: " --set ")) does not give settings: a value is of the wrong kind",
        advice: "`sophia simulate --list-knobs` shows what each holds")
    }
  }

  private static func value(of options: SimulationOptions) throws -> JSONValue {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    return try JSONParser.parse(String(decoding: try encoder.encode(options), as: UTF8.self))
  }

  private static func flat(_ value: JSONValue, _ prefix: String) -> [(name: String, value: JSONValue)] {
    guard case .object(let members) = value else { return [(prefix, value)] }
    return members.flatMap { flat($0.value, prefix.isEmpty ? $0.name : "\(prefix).\($0.name)") }
  }

  private static func set(_ object: JSONValue, _ path: ArraySlice<String>, _ new: JSONValue) -> JSONValue {
    guard let name = path.first, case .object(var members) = object else { return new }
    if let index = members.firstIndex(where: { $0.name == name }) {
      members[index] = .init(name, set(members[index].value, path.dropFirst(), new))
    } else {
      members.append(.init(name, new))
    }
    return .object(members)
  }
}
