package import DataSets
internal import Foundation

/// The outcome reward Ro of one response: 0 unless it keeps to the format, else how right its answer is.
///
/// - Parameters:
///   - response: the whole response.
///   - solution: with or without `<answer>` tags.
/// - Returns: in [0, 1]; exactly 0 or 1 for `numerical`, `multiple choice` and `text`.
package func outcomeReward(response: String, solution: String, type: ProblemType) -> Double {
  guard let formatted = FormattedResponse(response) else { return 0 }
  return answerReward(formatted.answer, solution: solution, type: type)
}

/// How right an answer is, whatever it came in.
///
/// - Returns: in [0, 1].
package func answerReward(_ answer: String, solution: String, type: ProblemType) -> Double {
  let truth = solutionText(solution)
  switch type {
  case .numerical: return equalAsMathematics(answer, truth) ? 1 : 0
  case .multipleChoice: return sameChoice(answer, truth) ? 1 : 0
  case .opticalCharacters: return exp(-wordErrorRate(answer, reference: truth))
  case .freeForm: return meanRouge(answer, reference: truth)
  case .text: return sameText(answer, truth) ? 1 : 0
  }
}

/// Whether two texts are the same but for case, runs of white space, and punctuation at their ends.
///
/// - Returns: `false` if the solution has nothing else in it.
package func sameText(_ answer: String, _ solution: String) -> Bool {
  let truth = plainText(solution)
  return !truth.isEmpty && plainText(answer) == truth
}

private func plainText(_ text: String) -> String {
  let plain = text.precomposedStringWithCompatibilityMapping.lowercased().unicodeScalars
  let words = plain.split(whereSeparator: \.properties.isWhitespace).map { String(Substring($0)) }
  let edges = CharacterSet.punctuationCharacters.union(.whitespaces).union(CharacterSet(charactersIn: "$`*"))
  return words.joined(separator: " ").trimmingCharacters(in: edges)
}
