internal import Foundation
internal import Limits

/// A JSON object of config.json or a file beside it, whose getters name the key that is wrong.
struct ConfigurationObject {
  let values: [String: Any]
  /// The file's name, then the way to this object.
  let name: String

  init(json: [UInt8], named name: String) throws(ModelError) {
    let parsed: Any
    do {
      parsed = try JSONSerialization.jsonObject(with: Data(json))
    } catch {
      throw ModelError(
        code: "model.configuration", message: "\(name) is not JSON", advice: "restore that file of the model", cause: error)
    }
    guard let values = parsed as? [String: Any] else { throw .configuration("is not a JSON object", in: name) }
    self.init(values: values, name: name)
  }

  private init(values: [String: Any], name: String) {
    self.values = values
    self.name = name
  }

  /// Null counts as absent.
  private subscript(key: String) -> Any? {
    values[key].flatMap { $0 is NSNull ? nil : $0 }
  }

  private func wrong(_ key: String, _ what: String) -> ModelError {
    .configuration("\(key) is not \(what)", in: name)
  }

  private func present<Value>(_ key: String, _ value: Value?) throws(ModelError) -> Value {
    guard let value else { throw .configuration("\(key) is missing", in: name) }
    return value
  }

  func requireArchitecture() throws(ModelError) {
    let architectures = (self["architectures"] as? [Any])?.compactMap { $0 as? String } ?? []
    let type = self["model_type"] as? String ?? architectures.first ?? "unnamed"
    guard type == "qwen2_5_vl" || type == "Qwen2_5_VLForConditionalGeneration" else {
      throw ModelError(
        code: "model.architecture", message: "\(name): the architecture \(type) is not supported",
        advice: "use a Qwen2.5-VL model (model_type qwen2_5_vl)")
    }
  }

  /// Absent is as good as allowed.
  func require(_ key: String, isOneOf allowed: [String]) throws(ModelError) {
    guard let value = self[key] else { return }
    guard let value = value as? String else { throw wrong(key, "a string") }
    guard allowed.contains(value) else {
      throw .configuration("\(key) is \(value); only \(allowed.joined(separator: " or ")) is supported", in: name)
    }
  }

  func object(_ key: String) throws(ModelError) -> ConfigurationObject? {
    guard let value = self[key] else { return nil }
    guard let value = value as? [String: Any] else { throw wrong(key, "an object") }
    return ConfigurationObject(values: value, name: "\(name): \(key)")
  }

  func requiredObject(_ key: String) throws(ModelError) -> ConfigurationObject { try present(key, object(key)) }

  func number(_ key: String) throws(ModelError) -> Double? {
    guard let value = self[key] else { return nil }
    guard let number = value as? NSNumber, !number.isBoolean else { throw wrong(key, "a number") }
    return number.doubleValue
  }

  func integer(_ key: String) throws(ModelError) -> Int? {
    guard let number = try number(key) else { return nil }
    guard let value = Int(exactly: number) else { throw wrong(key, "a whole number") }
    return value
  }

  func requiredInteger(_ key: String) throws(ModelError) -> Int { try present(key, integer(key)) }

  func integers(_ key: String) throws(ModelError) -> [Int]? {
    guard let value = self[key] else { return nil }
    let numbers = (value as? [Any])?.map { ($0 as? NSNumber).flatMap { $0.isBoolean ? nil : Int(exactly: $0.doubleValue) } }
    guard let numbers, numbers.count <= Limits.standard.models.layers, !numbers.contains(nil) else {
      throw wrong(key, "a list of whole numbers")
    }
    return numbers.compactMap { $0 }
  }

  func isList(_ key: String) -> Bool { self[key] is [Any] }

  /// A token id that may also be given as a list of several.
  func firstInteger(_ key: String) throws(ModelError) -> Int? {
    isList(key) ? try integers(key)?.first : try integer(key)
  }

  func flag(_ key: String) throws(ModelError) -> Bool? {
    guard let value = self[key] else { return nil }
    guard let number = value as? NSNumber, number.isBoolean else { throw wrong(key, "true or false") }
    return number.boolValue
  }
}

extension NSNumber {
  /// JSON's true and 1 both arrive as `NSNumber`; only the Objective-C type tells them apart.
  fileprivate var isBoolean: Bool { String(cString: objCType) == "c" }
}
