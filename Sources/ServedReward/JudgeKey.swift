/// The key of a served model, which is found in the environment alone.
package enum JudgeKey {
  package static let usualVariable = "SOPHIA_JUDGE_KEY"

  /// - Returns: nil if the variable is not set, or empty.
  /// - Throws: if it holds what no header can hold.
  package static func read(_ variable: String = usualVariable, in environment: [String: String]) throws(ServedJudgeError) -> String? {
    guard let key = environment[variable], !key.isEmpty else { return nil }
    guard key.unicodeScalars.allSatisfy({ 33...126 ~= $0.value }) else {
      throw ServedJudgeError(
        code: "judge.key", message: "the key in \(variable) holds something that no header can hold",
        advice: "set it without line ends, blanks and letters that are not ASCII")
    }
    return key
  }
}
