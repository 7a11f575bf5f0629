internal import ActionableErrors
internal import DurableFiles

/// What is to be done to a run, and the run's own settings where they matter.
package struct FaultPlan: Sendable, Equatable {
  /// How messages name the plan.
  package var name: String
  /// `section.key=value`, over the settings that the run would have.
  package var settings: [String]
  package var faults: [Fault]

  package init(name: String, settings: [String] = [], faults: [Fault]) {
    self.name = name
    self.settings = settings
    self.faults = faults
  }

  /// A plan that does the same again.
  ///
  /// - Parameter comment: lines at its head.
  package func yaml(comment: [String] = []) -> String {
    var lines = comment.map { "# \($0)" }
    if !settings.isEmpty {
      lines.append("settings:")
      // Of a key that is given twice the last counts, and YAML takes no key twice.
      var seen: Set<Substring> = []
      lines += settings.reversed().filter { seen.insert($0.prefix { $0 != "=" }).inserted }.reversed().map { setting in
        let parts = setting.split(separator: "=", maxSplits: 1).map(String.init)
        return "  \(Self.scalar(parts.first ?? "")): \(parts.count > 1 ? Self.scalar(parts[1]) : "null")"
      }
    }
    lines.append("faults:" + (faults.isEmpty ? " []" : ""))
    lines += faults.map { "  - \($0.yaml)" }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Lists stay lists; text that YAML would take for something else is quoted.
  private static func scalar(_ text: String) -> String {
    if text.hasPrefix("["), text.hasSuffix("]"), text.count > 1 {
      return "[" + text.dropFirst().dropLast().split(separator: ", ").map { scalar(String($0)) }.joined(separator: ", ") + "]"
    }
    let plain = text.unicodeScalars.allSatisfy {
      ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0) || "_./:-+ ".unicodeScalars.contains($0)
    }
    let isWord = plain && !text.contains(": ") && text.first.map { !":-+ ".contains($0) } ?? false && !": ".contains(text.last ?? " ")
    return isWord || plain && Double(text) != nil ? text : quoted(text)
  }

  private static func quoted(_ text: String) -> String {
    text.unicodeScalars.reduce(into: "\"") { quoted, scalar in
      switch scalar {
      case "\\", "\"": quoted += "\\\(scalar)"
      case "\n": quoted += "\\n"
      case " "..."~": quoted.unicodeScalars.append(scalar)
      default:
        let digits = String(scalar.value, radix: 16)
        quoted += "\\U" + String(repeating: "0", count: 8 - digits.count) + digits
      }
    } + "\""
  }
}

/// A plan that cannot be carried out: which line of it, and what it may be.
package struct PlanError: ActionableError, Equatable {
  package let code: String
  package let message: String
  package let advice: String

  init(_ code: String, _ message: String, advice: String) {
    self.code = "plan.\(code)"
    self.message = message
    self.advice = advice
  }
}
