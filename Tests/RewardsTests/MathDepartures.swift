/// Where this grader and mathruler disagree over `parity.json`, and why this one is right.
enum MathDepartures {
  struct Reason: Sendable {
    let text: String
    /// What this grader says of each.
    let equal: Bool
    let pairs: [(answer: String, solution: String)]
  }

  static let reasons = [
    Reason(
      text: #"a fraction need not be in lowest terms; mathruler compares two fractions as text"#, equal: true,
      pairs: [
        (#"-2/32"#, #"\frac{-1}{16}"#), (#"-45/18"#, #"\frac{-15}{6}"#), (#"-48/60"#, #"\frac{-16}{20}"#),
        (#"14/20"#, #"\frac{7}{10}"#), (#"2/4"#, #"\frac{1}{2}"#), (#"2/6"#, #"1/3"#), (#"30/21"#, #"\frac{10}{7}"#),
        (#"\dfrac{-12}{30}"#, #"\frac{-4}{10}"#), (#"\dfrac{-12}{36}"#, #"\frac{-6}{18}"#),
        (#"\dfrac{-14}{40}"#, #"\frac{-7}{20}"#), (#"\dfrac{-18}{15}"#, #"\frac{-6}{5}"#),
        (#"\dfrac{-2}{6}"#, #"\frac{-1}{3}"#), (#"\dfrac{-30}{48}"#, #"\frac{-10}{16}"#),
        (#"\dfrac{-48}{18}"#, #"\frac{-16}{6}"#), (#"\dfrac{-51}{15}"#, #"\frac{-17}{5}"#),
        (#"\dfrac{0}{30}"#, #"\frac{0}{10}"#), (#"\dfrac{18}{16}"#, #"\frac{9}{8}"#), (#"\dfrac{24}{24}"#, #"\frac{8}{8}"#),
        (#"\dfrac{34}{12}"#, #"\frac{17}{6}"#), (#"\dfrac{48}{45}"#, #"\frac{16}{15}"#),
        (#"\frac{-15}{51}"#, #"\frac{-5}{17}"#), (#"\frac{-42}{18}"#, #"\frac{-14}{6}"#),
        (#"\frac{-9}{57}"#, #"\frac{-3}{19}"#), (#"\frac{0}{38}"#, #"\frac{0}{19}"#), (#"\frac{157}{50}"#, #"314/100"#),
        (#"\frac{18}{8}"#, #"\frac{9}{4}"#), (#"\frac{36}{22}"#, #"\frac{18}{11}"#), (#"\frac{45}{42}"#, #"\frac{15}{14}"#),
      ]),
    Reason(
      text: #"a whole number may be left to work out; mathruler takes integers as text only"#, equal: true,
      pairs: [
        (#"(1,2)"#, #"(2/2, 2)"#), (#"(2/2, 2)"#, #"(1,2)"#), (#"(4)(6)"#, #"24"#), (#"-14/2"#, #"-7"#), (#"-7"#, #"-14/2"#),
        (#"0.0"#, #"0/10"#), (#"0.0"#, #"0/16"#), (#"0.0"#, #"0/19"#), (#"0/5"#, #"0"#), (#"1.0"#, #"8/8"#),
        (#"1024"#, #"32^2"#), (#"12+12"#, #"24"#), (#"2 \times 12"#, #"24"#), (#"2.0"#, #"16/8"#), (#"2.0"#, #"8/4"#),
        (#"24"#, #"(4)(6)"#), (#"24"#, #"12+12"#), (#"24"#, #"30-6"#), (#"2\cdot 12"#, #"24"#), (#"2^10"#, #"1024"#),
        (#"2^3\cdot 3"#, #"24"#), (#"2^9"#, #"2^{3^2}"#), (#"2^{3^2}"#, #"512"#), (#"3*8"#, #"24"#), (#"3.0"#, #"15/5"#),
        (#"30-6"#, #"24"#), (#"32^2"#, #"1024"#), (#"4!"#, #"24"#), (#"42"#, #"84/2"#), (#"48/2"#, #"24"#),
        (#"4^5"#, #"1024"#), (#"4^5"#, #"2^10"#), (#"512"#, #"2^{3^2}"#), (#"84/2"#, #"42"#),
      ]),
    Reason(
      text: #"a decimal of more digits than the tolerance stands for its fraction; mathruler says so of some only, as binary rounding has it"#, equal: true,
      pairs: [
        (#"-0.15789473684210525"#, #"-3/19"#), (#"-0.29411764705882354"#, #"-5/17"#), (#"-0.3333333333333333"#, #"-1/3"#),
        (#"-0.3333333333333333"#, #"-6/18"#), (#"-1.3636363636363635"#, #"-15/11"#), (#"-1.4545454545454546"#, #"-16/11"#),
        (#"-2.3333333333333335"#, #"-14/6"#), (#"-2.6666666666666665"#, #"-16/6"#), (#"0.4166666666666667"#, #"5/12"#),
        (#"0.5454545454545454"#, #"6/11"#), (#"0.7142857142857143"#, #"10/14"#), (#"1.0666666666666667"#, #"16/15"#),
        (#"1.0714285714285714"#, #"15/14"#), (#"1.4285714285714286"#, #"10/7"#), (#"1.6363636363636365"#, #"18/11"#),
        (#"1.7142857142857142"#, #"12/7"#), (#"2.1666666666666665"#, #"13/6"#), (#"2.8333333333333335"#, #"17/6"#),
      ]),
    Reason(
      text: #"a percentage is its value too; mathruler drops the sign"#, equal: true,
      pairs: [
        (#"0.5"#, #"50%"#), (#"10%"#, #"0.1"#), (#"10^{-1}"#, #"10%"#), (#"12.5%"#, #"\frac{1}{8}"#), (#"250%"#, #"2.5"#),
        (#"50%"#, #".5"#), (#"50%"#, #"0.5"#), (#"75\%"#, #"0.75"#), (#"\frac{1}{8}"#, #"12.5%"#),
      ]),
    Reason(
      text: #"signs of Unicode are those of LaTeX; mathruler reads them behind a backslash only"#, equal: true,
      pairs: [
        (#"(-∞,2]"#, #"(-\infty,2]"#), (#"(2,∞)"#, #"(2,\infty)"#), (#"-7"#, #"−7"#), (#"-\frac{14}{2}"#, #"−7"#),
        (#"-∞"#, #"-\infty"#), (#"0.5\pi"#, #"π/2"#), (#"2*pi"#, #"2π"#), (#"2\pi"#, #"2π"#), (#"2π"#, #"2\pi"#),
        (#"\sqrt{2}"#, #"√2"#), (#"π"#, #"1\pi"#), (#"π"#, #"\pi"#), (#"π/2"#, #"\frac{\pi}{2}"#), (#"−7"#, #"-7"#),
        (#"√2"#, #"\sqrt{2}"#), (#"∞"#, #"\infty"#),
      ]),
    Reason(
      text: #"expressions are equal where their values are; mathruler loses the brackets of a \frac"#, equal: true,
      pairs: [
        (#"(x+1)/2"#, #"\frac{x+1}{2}"#), (#"-7"#, #"-\frac{14}{2}"#), (#"-\frac{14}{2}"#, #"-7"#),
        (#"-b/(2a)"#, #"-\frac{b}{2a}"#), (#"0.5x+0.5"#, #"\frac{x+1}{2}"#), (#"\frac{1}{2}(x+1)"#, #"\frac{x+1}{2}"#),
        (#"\frac{2a}{2b}"#, #"\frac{a}{b}"#), (#"\frac{x+1}{2}"#, #"\frac{1}{2}(x+1)"#),
        (#"\frac{x}{2}+\frac12"#, #"\frac{x+1}{2}"#),
      ]),
    Reason(
      text: #"powers, roots and functions are worked out; mathruler leaves exponents in braces and functions alone"#, equal: true,
      pairs: [
        (#"(1+\sqrt{5})/2"#, #"\frac{1+\sqrt{5}}{2}"#), (#"0.5(1+\sqrt5)"#, #"\frac{1+\sqrt{5}}{2}"#),
        (#"0.6931471805599453"#, #"\ln 2"#), (#"1024"#, #"2^{10}"#), (#"2^{1/2}"#, #"\sqrt{2}"#),
        (#"2^{1/3}"#, #"\sqrt[3]2"#), (#"2^{1/3}"#, #"\sqrt[3]{2}"#), (#"2^{10}"#, #"1024"#),
        (#"2^{\frac{1}{2}}"#, #"\sqrt{2}"#), (#"\exp(2)"#, #"e^2"#), (#"\frac12+\frac{\sqrt5}{2}"#, #"\frac{1+\sqrt{5}}{2}"#),
        (#"\frac{1+\sqrt{5}}{2}"#, #"0.5(1+\sqrt5)"#), (#"\frac{3}{2\sqrt{3}}"#, #"0.5\sqrt{3}"#),
        (#"\frac{3}{2\sqrt{3}}"#, #"\frac{\sqrt{3}}{2}"#), (#"\ln 2"#, #"ln(2)"#), (#"\ln(2)"#, #"\ln 2"#),
        (#"\ln{2}"#, #"0.6931471805599453"#), (#"\sin x"#, #"\sin(x)"#), (#"\sin x"#, #"sin(x)"#), (#"\sin(x)"#, #"\sin x"#),
        (#"\sqrt{2}"#, #"2^{\frac{1}{2}}"#), (#"ln(2)"#, #"\ln 2"#), (#"sin(x)"#, #"\sin x"#), (#"|-5|"#, #"5"#),
        (#"|5|"#, #"5"#),
      ]),
    Reason(
      text: #"separators, powers of ten, million and e are notations of a number; mathruler takes integers as text only"#, equal: true,
      pairs: [
        (#"1 thousand"#, #"1000"#), (#"1,234"#, #"1 234"#), (#"1000"#, #"10^3"#), (#"1000"#, #"10^{3}"#),
        (#"1000.000"#, #"1\times 10^3"#), (#"10^3"#, #"1000"#), (#"10^{3}"#, #"1000"#),
        (#"12,345,678,901,234,567,890"#, #"12345678901234567890"#),
        (#"12345678901234567890"#, #"12,345,678,901,234,567,890"#), (#"1\times 10^3"#, #"1000"#),
        (#"5,000,000"#, #"5 million"#), (#"5000000"#, #"5 million"#), (#"5e6"#, #"5 million"#),
        (#"6.02 \times 10^{23}"#, #"6.02e23"#), (#"6.02\times10^{23}"#, #"602\times10^{21}"#),
        (#"6.02e23"#, #"6.02\times10^{23}"#), (#"602\times10^{21}"#, #"6.02\times10^{23}"#),
      ]),
    Reason(
      text: #"sets and unions have no order, both signs are a set, plus infinity is infinity; mathruler compares in order"#, equal: true,
      pairs: [
        (#"(2,+\infty)"#, #"(2,\infty)"#), (#"(2,\infty)"#, #"(2,+\infty)"#),
        (#"(2,\infty)\cup(-\infty,1)"#, #"(-\infty,1)\cup(2,\infty)"#), (#"2, 3"#, #"x=2 or x=3"#), (#"\pm 1"#, #"\{-1,1\}"#),
        (#"\pm1"#, #"\{-1,1\}"#), (#"\{-1,1\}"#, #"\pm1"#), (#"\{-1,1\}"#, #"\{1,-1\}"#), (#"\{1,-1\}"#, #"\{-1,1\}"#),
        (#"\{3,2,1\}"#, #"\{1,2,3\}"#), (#"infinity"#, #"\infty"#), (#"x=2 or x=3"#, #"2, 3"#),
      ]),
    Reason(
      text: #"units are converted, a unit on one side only says nothing; mathruler drops some and keeps the rest as text"#, equal: true,
      pairs: [
        (#"$5.00"#, #"5 dollars"#), (#"0.05 m"#, #"5 cm"#), (#"10.8 km/h"#, #"3 m/s"#), (#"10.8 km/h"#, #"3\text{ m/s}"#),
        (#"10:30"#, #"10:30 AM"#), (#"10:30 AM"#, #"10:30"#), (#"120 min"#, #"120 minutes"#), (#"120 minutes"#, #"2 h"#),
        (#"15"#, #"15 apples"#), (#"15 apples"#, #"15"#), (#"2 h"#, #"120 minutes"#), (#"2 hours"#, #"120 minutes"#),
        (#"3"#, #"3 m/s"#), (#"3 meters per second"#, #"3 m/s"#), (#"30°"#, #"30 degrees"#), (#"30°"#, #"30^\circ"#),
        (#"5 dollars"#, #"$5.00"#), (#"5 °C"#, #"5"#), (#"50 mm"#, #"5 cm"#), (#"5°C"#, #"5"#),
        (#"9 \text{ cm}^{2}"#, #"9 cm^2"#), (#"9 \text{ cm}^{2}"#, #"9 square centimeters"#), (#"9 cm^2"#, #"9 cm²"#),
        (#"9 cm^2"#, #"9\text{ cm}^2"#), (#"9 cm²"#, #"9 cm^2"#), (#"9 square centimeters"#, #"9 cm^2"#),
        (#"9\ text{ cm}^2"#, #"9\text{ cm}^2"#), (#"9\text{ cm}^2"#, #"9 cm^2"#), (#"\$5"#, #"5 dollars"#),
      ]),
    Reason(
      text: #"a full stop ends a sentence, quotation marks stand around an answer"#, equal: true,
      pairs: [
        (#""5""#, #"5"#), (#"-7.93."#, #"-7.93"#), (#"0.41."#, #"0.41"#), (#"0.69."#, #"0.69"#), (#"1.92."#, #"1.92"#),
        (#"6.18."#, #"6.18"#), (#"yes"#, #"yes."#), (#"yes."#, #"yes"#),
      ]),
    Reason(
      text: #"an inequality may be turned round, and a factor of 1 says nothing; mathruler compares the sides as text"#, equal: true,
      pairs: [
        (#"1x>3"#, #"x>3"#), (#"3<x"#, #"x>3"#), (#"x > 3"#, #"3<x"#),
      ]),
    Reason(
      text: #"an answer in which nothing is said is never right"#, equal: false,
      pairs: [
        (#"*"#, #"*"#), (#"."#, #"."#), (#"\text{}"#, #"\text{}"#),
      ]),
    Reason(
      text: #"brackets without a partner make no expression; mathruler drops braces"#, equal: false,
      pairs: [
        (#"0{"#, #"0"#), (#"10^{3}{"#, #"10^{3}"#), (#"10^}3}"#, #"10^{3}"#), (#"10}:30"#, #"10:30"#),
        (#"1234.00}"#, #"1234.00"#), (#"2^{-1}}"#, #"2^{-1}"#), (#"3 : 4{"#, #"3 : 4"#), (#"3/{4"#, #"3/4"#),
        (#"32^2}"#, #"32^2"#), (#"3}/4"#, #"3/4"#), (#"500{cents"#, #"500 cents"#), (#"\dfrac1{3"#, #"\dfrac13"#),
        (#"\frac{157}{50"#, #"\frac{157}{50}"#), (#"\pi{{}"#, #"\pi{}"#), (#"\text}No solution}"#, #"\text{No solution}"#),
        (#"\{1,2,3\)"#, #"\{1,2,3\}"#), (#"\{5.00"#, #"\$5.00"#), (#"e^}{2}"#, #"e^{2}"#),
        (#"t}he blue one"#, #"the blue one"#), (#"{3:4"#, #"3:4"#),
      ]),
    Reason(
      text: #"digits with a space between them are two numbers; mathruler drops the space"#, equal: false,
      pairs: [
        (#"12345678901234 567890.0"#, #"12345678901234567890.0"#),
      ]),
    Reason(
      text: #"a typing error that says something else, or nothing; mathruler drops signs and reads x1 as x times 1"#, equal: false,
      pairs: [
        (#"0.5x1+0.5"#, #"0.5x+0.5"#), (#"5\text.{ cm}"#, #"5\text{ cm}"#), (#"9 \text{ cm}-{2}"#, #"9 \text{ cm}^{2}"#),
      ]),
  ]
}
