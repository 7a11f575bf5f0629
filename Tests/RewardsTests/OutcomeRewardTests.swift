import DataSets
import Foundation
import Testing

@testable import Rewards

@Suite("Outcome rewards")
struct OutcomeRewardTests {
  @Test("a response keeps to the format, or earns nothing", arguments: [
    ("<think>a</think><answer>4</answer>", 1.0), (" <think>\na\n</think>\n\n<answer> 4 </answer>\n", 1),
    ("<think></think><answer>4</answer>", 1), ("<think>I put it in <answer> tags</think><answer>4</answer>", 1),
    ("4", 0), ("<answer>4</answer>", 0), ("<think>a</think>4", 0), ("<answer>4</answer><think>a</think>", 0),
    ("<think>a<answer>4</answer>", 0), ("<think>a</think><answer>4", 0), ("<think>a</think>so <answer>4</answer>", 0),
    ("<think>a</think><answer>4</answer> or 5", 0), ("<think>a</think><answer>4</answer><answer>5</answer>", 0),
    ("x<think>a</think><answer>4</answer>", 0), ("<think>a</think><think>b</think><answer>4</answer>", 0),
    ("<THINK>a</THINK><ANSWER>4</ANSWER>", 0), ("", 0), ("<think>", 0),
  ])
  func format(response: String, reward: Double) {
    #expect(outcomeReward(response: response, solution: "<answer>4</answer>", type: .numerical) == reward)
    #expect(outcomeReward(response: response, solution: "4", type: .numerical) == reward)
  }

  @Test("the parts of a response come out as they stand")
  func parts() throws {
    let response = try #require(FormattedResponse("<think> a <b> </think>\t<answer>\n4 < 5 </answer>"))
    #expect(response.thinking == " a <b> " && response.answer == "\n4 < 5 ")
    #expect(solutionText("see <answer>4</answer>") == "4" && solutionText("4") == "4" && solutionText("<answer>4") == "<answer>4")
  }

  @Test("multiple choice compares sets of letters", arguments: [
    ("B", "B", true), ("b", "B", true), ("(B)", "B", true), ("B.", "B", true), ("B. blue", "B", true), ("B) blue", "B", true),
    ("(B) blue", "B", true), ("B: a red A", "B", true), ("\\text{B}", "B", true), ("\\boxed{B}", "B", true), ("**B**", "B", true),
    ("$B$", "B", true), ("The answer is B", "B", true), ("Option B", "B", true), ("option B because A is wrong", "B", true),
    ("A, C", "A,C", true), ("C, A", "A,C", true), ("AC", "A,C", true), ("A and C", "AC", true), ("A;C", "A,C", true),
    ("A. red, C. green", "A,C", true), ("A", "A, C", false), ("A, B, C, D", "B", false), ("AB", "B", false), ("C", "B", false),
    ("", "B", false), ("blue", "B", false), ("A cat", "A", false), ("BAD", "A,B,D", false), ("B", "B. blue", true),
    ("Blue.", "blue", true), ("red", "blue", false), ("?!", "B", false), ("B. Vitamin A.", "B", true), ("(B) the angle (A)", "B", true),
    ("A. red\nC. green", "A,C", true), ("(A) red and (C) green", "A,C", true), ("Both A and C", "A,C", true), ("（B）", "B", true),
    ("A & C", "C, A", true), ("C) Plan B: cheaper", "C", true), ("É", "E", false), ("İ", "I", false),
  ])
  func multipleChoice(answer: String, solution: String, same: Bool) {
    #expect(answerReward(answer, solution: solution, type: .multipleChoice) == (same ? 1 : 0))
  }

  @Test("optical characters earn e to minus the word error rate", arguments: [
    ("a b c d", "a b c d", 1.0), ("a b c", "a b c d", 0.7788007830714049), ("", "a b", 0.36787944117144233),
    ("a\nb", "a b", 1), ("", "", 1), ("a b", "", 0.1353352832366127),
    ("a\u{3000}b\u{2028}c", "a b c", 1), ("e\u{301}", "é", 0.36787944117144233),
  ])
  func opticalCharacters(answer: String, solution: String, reward: Double) {
    #expect(answerReward(answer, solution: solution, type: .opticalCharacters).isClose(to: reward))
  }

  @Test("free form earns the mean of three ROUGE measures")
  func freeForm() {
    // Unigrams 2 of 3 and 2 of 2, so F 0.8; bigrams 1 of 2 and 1 of 1, so F 2/3; subsequence as unigrams.
    #expect(answerReward("red cars sell", solution: "red car", type: .freeForm).isClose(to: (0.8 + 2.0 / 3 + 0.8) / 3))
    #expect(answerReward("", solution: "red", type: .freeForm) == 0)
  }

  @Test("text compares but for case, space and punctuation at the ends", arguments: [
    ("The  Cat.", "the cat", true), ("\"the\ncat\"", "the cat", true), ("the cats", "the cat", false), ("", "", false),
    ("...", "!", false), ("ﬁre", "fire", true),
    ("e\u{301}t\u{e9}", "été", true), ("«Été»", "été", true), ("ＡＢ", "ab", true), ("“the cat”", "the cat", true), ("x²", "x2", true),
    ("İ", "i\u{307}", true), ("ά\u{345}", "ᾴ", true), ("a\u{327}\u{301}", "a\u{301}\u{327}", true), ("가", "\u{1100}\u{1161}", true),
  ])
  func text(answer: String, solution: String, same: Bool) {
    #expect(answerReward(answer, solution: solution, type: .text) == (same ? 1 : 0))
  }
}
