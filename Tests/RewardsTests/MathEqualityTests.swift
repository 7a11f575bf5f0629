import Testing

@testable import Rewards

@Suite("Equality as mathematics")
struct MathEqualityTests {
  @Test("equal", arguments: [
    ("2/4", "1/2"), ("4/2", "2"), ("0.25", "25/100"), ("3!", "6"), ("5 million", "5,000,000"),
    ("1.5 \\times 10^{3}", "1500"), ("1.5e3", "1500"), ("2^{10}", "1024"), ("10^{-2}", "0.01"), ("2^-1", "1/2"),
    ("50%", "0.5"), ("50 percent", "50%"), ("\\frac{\\sqrt{2}}{2}", "\\frac{1}{\\sqrt{2}}"), ("\\sqrt[3]{8}", "2"),
    ("√16", "4"), ("π", "\\pi"), ("3π/2", "1.5\\pi"), ("2²", "4"), ("½", "0.5"), ("7½", "7.5"), ("−3", "-3"), ("3 × 4", "12"),
    ("\\boxed{42}", "42"), ("so it is \\boxed{\\frac{1}{2}}.", "0.5"), ("The answer is 42.", "42"), ("Answer: 42", "42"),
    ("**42**", "42"), ("$42$", "42"), ("\\(42\\)", "42"), ("$\\frac{3}{4}$", "0.75"), ("x = 1 or x = 2", "2 or 1"),
    ("\\{1, 2\\}", "\\{2,1\\}"), ("{1,2}", "\\{2, 1\\}"), ("\\pm 3", "-3 or 3"), ("(-\\infty, 2]", "(-∞,2]"),
    ("(1,2)\\cup(3,4)", "(3,4) \\cup (1,2)"), ("(0.5, \\frac{1}{3})", "(1/2, 1/3)"), ("3:4", "3 : 4"), ("1, 2, 3", "1,2,3"),
    ("10 000", "10000"), ("1{,}234", "1234"), ("1,234.5", "1234.5"), ("100 cm", "1 m"), ("5 meters", "5 m"), ("5 m", "5"),
    ("2 hours", "120 min"), ("9 cm^2", "9 cm²"), ("9 square cm", "9 cm^2"), ("36 km/h", "10 m/s"), ("5\\text{ cm}", "5cm"),
    ("3 apples", "3"), ("$5.00", "5 dollars"), ("45°", "45^\\circ"), ("\\left(\\frac{1}{2}\\right)^2", "0.25"),
    ("x^2 + 2x + 1", "(x+1)^2"), ("2(x+3)", "2x+6"), ("\\sin(\\pi/2)", "1"), ("\\ln e", "1"), ("f(x) = 2x", "2x"),
    ("0.1+0.2", "0.3"), ("9007199254740993", "9007199254740993"), ("-7 1/2", "-7.5"), ("((5))", "5"), ("170!", "170!"),
    ("\\frac{1}{2}\\cdot\\frac{1}{3}", "1/6"), ("\\text{No solution}", "no solution"), ("1e-7", "0.0000001"),
  ])
  func equal(answer: String, solution: String) {
    #expect(equalAsMathematics(answer, solution))
    #expect(equalAsMathematics(solution, answer))
  }

  @Test("not equal", arguments: [
    ("123456789", "123456790"), ("9007199254740993", "9007199254740992"), ("0.333333", "1/3"), ("3.14159", "\\pi"),
    ("1/0", "1"), ("1/0", "2/0"), ("(1,2)", "(2,1)"), ("(1,2)", "1,2"), ("(1,2)", "[1,2]"), ("1 or 2", "1"), ("1 or 2", "1, 2"),
    ("\\{1,1\\}", "\\{1,2\\}"), ("5 cm", "5 m"), ("5 cm", "5 cm^2"), ("5 kg", "5 m"), ("x+1", "x+2"), ("x", "y"), ("42 or 43", "42"),
    ("42 43", "42"), ("it is 42 I think, or 43", "42"), ("", "0"), (" ", "0"), ("0", ""), ("\\infty", "-\\infty"), ("no", "on"),
    ("-5", "5"), ("5%", "6%"), ("50%", "5"), ("1,23", "123"), ("1.234", "1234"), ("\\sqrt{-1}", "1"), ("999^999^999", "5"), ("a", "b"),
    ("ln(0)", "1"), ("200!", "1"), ("0.05", "0.050000001"),
  ])
  func unequal(answer: String, solution: String) {
    #expect(!equalAsMathematics(answer, solution))
    #expect(!equalAsMathematics(solution, answer))
  }

  @Test("where mathruler says otherwise: fractions need not be in lowest terms, scales and factorials are read", arguments: [
    ("2/4", "1/2"), ("4/2", "2"), ("5 million", "5000000"), ("3!", "6"), ("50%", "0.5"), ("2^{10}", "1024"),
  ])
  func departures(answer: String, solution: String) {
    #expect(equalAsMathematics(answer, solution))
  }
}
