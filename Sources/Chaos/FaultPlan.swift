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
      lines += settings.map { setting in
        let parts = setting.split(separator: "=", maxSplits: 1).map(String.init)
        return "  \(parts[0]): \(parts.count > 1 ? Self.scalar(parts[1]) : "null")"
      }
    }
    lines.append("faults:" + (faults.isEmpty ? " []" : ""))
    lines += faults.map { "  - \($0.yaml)" }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Lists stay lists; text that YAML would take for something else is quoted.
  private static func scalar(_ text: String) -> String {
    let isList = text.hasPrefix("[") && text.hasSuffix("]")
    let isPlain =
      !text.isEmpty && !text.contains(": ") && text.allSatisfy { $0.isLetter || $0.isNumber || "_./:-+ ".contains($0) }
    if isList || isPlain { return text }
    return "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n") + "\""
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
