internal import Foundation
internal import Synchronization

/// The terminal of this process while a full-screen view has it: keys come one by one and unseen, and what was on the screen
/// before is there again afterwards, also where the process ends by `exit`.
package final class RawTerminal: Sendable {
  package static let input = STDIN_FILENO
  package static let output = STDOUT_FILENO

  /// How the terminal was; nil while it is as it was.
  private let before = Mutex<termios?>(nil)

  package init() {
    Self.last.withLock { $0 = self }
    // Once a process, however many terminals it makes.
    _ = Self.restoringAtExit
  }

  /// Whether keys can be read and lines be drawn over.
  package static var isThere: Bool { isatty(input) == 1 && DescriptorOutput(descriptor: output).isTerminal }

  /// - Returns: whether it could be had.
  @discardableResult
  package func enter() -> Bool {
    before.withLock { before in
      guard before == nil else { return true }
      var modes = termios()
      guard tcgetattr(Self.input, &modes) == 0 else { return false }
      let saved = modes
      modes.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG | IEXTEN)
      modes.c_iflag &= ~tcflag_t(IXON | ICRNL | INLCR)
      guard tcsetattr(Self.input, TCSANOW, &modes) == 0 else { return false }
      before = saved
      // The other screen, no cursor, and no line that goes on in the next row.
      DescriptorOutput(descriptor: Self.output).write("\u{1B}[?1049h\u{1B}[?25l\u{1B}[?7l")
      return true
    }
  }

  /// Safe to repeat.
  package func leave() {
    before.withLock { before in
      guard var saved = before else { return }
      before = nil
      DescriptorOutput(descriptor: Self.output).write("\u{1B}[0m\u{1B}[?7h\u{1B}[?25h\u{1B}[?1049l")
      // With what was typed and not read: the shell is not to have it.
      tcsetattr(Self.input, TCSAFLUSH, &saved)
    }
  }

  /// Stops this process as the shell would, until the shell lets it go on.
  package func suspend() {
    leave()
    kill(0, SIGTSTP)
    enter()
  }

  /// Now, in characters.
  package var size: (columns: Int, rows: Int) {
    var size = winsize()
    guard ioctl(Self.output, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return (80, 24) }
    return (Int(size.ws_col), Int(size.ws_row))
  }

  private static let last = Mutex<RawTerminal?>(nil)
  private static let restoringAtExit: Void = { atexit { RawTerminal.last.withLock { $0 }?.leave() } }()
}
