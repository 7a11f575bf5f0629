import Testing

@testable import Rewards

@Suite("Thinking scores from free text")
struct ThinkingScoreTests {
  @Test("read", arguments: [
    ("0.7", 0.7), (" 0.7\n", 0.7), ("**0.7**", 0.7), ("0.7.", 0.7), (".7", 0.7), ("1", 1), ("0", 0), ("1.0", 1), ("70%", 0.7),
    ("<answer>0.7</answer>", 0.7), ("I see 3 errors. <answer> 0.7 </answer>", 0.7), ("\\boxed{0.7}", 0.7), ("Score: 7/10", 0.7),
    ("7 / 10", 0.7), ("Score: 7 out of 10", 0.7), ("{\"score\": 0.7}", 0.7), ("{\"score\": 0.7, \"redundancy\": 0.2}", 0.7),
    ("{\"logic\": 0.2, \"final_score\": 0.7}", 0.7), ("```json\n{\"thinking_score\": 0.7}\n```", 0.7),
    ("I would rate this reasoning 0.8 because step 2 is wrong.", 0.8), ("On a scale of 0 to 1, I give it 0.6", 0.6),
    ("Score (0-1): 0.6", 0.6), ("Score between 0 and 1: 0.6", 0.6), ("Score (out of 1): 0.6", 0.6), ("Score for step 1 is fine: 0.6", 0.6),
    ("Logical soundness: 0.9\nRedundancy: 0.5\nOverall: 0.7", 0.7), ("The score is 0.4. No wait, the score is 0.5.", 0.5),
    ("Final score: 0.3. A perfect score would be 1.0.", 0.3), ("score=0.7", 0.7), ("The 3D chart scores 0.7", 0.7),
  ])
  func reads(text: String, score: Double) throws {
    #expect(try #require(parseThinkingScore(text)).isClose(to: score))
  }

  @Test("missing, never clamped or guessed", arguments: [
    "", "good", "7", "1.5", "-0.2", "Score: -0.5", "Score: 11/10", "Score: 7/0", "nan", "NaN", "inf", "Infinity", "0,7", "1.2.3",
    "0.2 0.7", "Step 1 is right, 2 is wrong", "The score is 0.7 to 0.8", "<answer>great</answer> 0.7", "1e-1", "0.7x", "{\"score\": null}",
    "10^400", "99999999999999999999999", "Score: ",
  ])
  func missing(text: String) {
    #expect(parseThinkingScore(text) == nil)
  }
}
