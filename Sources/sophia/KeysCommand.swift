internal import ArgumentParser
internal import Foundation
internal import Rollout
internal import Runs
internal import ZeroMQ

struct KeysCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keys",
    abstract: "Key pairs of processes, and which of them may join a run.",
    discussion: """
      Every process has a pair of its own, made where it runs; only .pub files travel. The learner's folder has the list of \
      those who may join, and everyone who joins has learner.pub, so that nobody takes another for the learner. `sophia train` \
      and `sophia demo` do all this by themselves for the processes that they start.

        sophia keys new learner --keys keys                             # where the learner runs
        sophia keys invite workers --role worker --keys keys            # there too: one file to carry to where workers run
        sophia keys revoke workers --keys keys                          # counts at once, also for a learner that runs

      Or without carrying a secret over:

        sophia keys new worker-0 --keys keys                            # where the worker runs, with learner.pub copied there
        sophia keys allow worker-0 --role worker --from worker-0.pub --keys keys    # where the learner runs
      """,
    subcommands: [New.self, Invite.self, List.self, Allow.self, Revoke.self, Rotate.self])

  struct Place: ParsableArguments {
    @Option(help: "Folder of keys; RUN/keys of a run that `sophia train` started.")
    var keys: String

    var folder: RunKeys { RunKeys(folder: keys) }
  }

  struct New: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Makes a key pair: NAME, which only you can read, and NAME.pub.")

    @Argument(help: "Of the process: learner, worker-0, scorer-gpu2 ...")
    var name: String

    @OptionGroup var place: Place

    func run() throws {
      let key = try place.folder.new(name)
      try printLine("\(place.keys)/\(name).pub  \(key.fingerprint)")
    }
  }

  struct Invite: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Makes one file with all that others need to join; to be run where the learner's keys are.",
      discussion: """
        The file holds a secret key and the learner's public one, so send it as you would send a password. Any number of \
        processes may join with it at once; `sophia keys revoke NAME` shuts all of them out.

          sophia keys invite workers --role worker --keys keys
          sophia worker --join tcp://10.0.0.1:5555 --keys workers.invite          # anywhere else
        """)

    @Argument(help: "What the processes are to be called.")
    var name: String

    @Option(help: "worker, scorer or observer (who may look and do nothing else).")
    var role: InvitedRole

    @Option(help: "Where to write it; KEYS/NAME.invite if absent.")
    var out: String?

    @OptionGroup var place: Place

    func run() throws {
      let file = out ?? "\(place.keys)/\(name).invite"
      let key = try place.folder.invite(name, as: role.role, to: file)
      try printLine("\(file)  invites \(role.rawValue)s as \(name), key \(key.fingerprint)")
    }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Lists keys: name, role, fingerprint, and whether the secret half is here.")

    @OptionGroup var place: Place

    func run() throws {
      let entries = try place.folder.entries()
      let width = entries.map(\.name.count).max() ?? 0
      for entry in entries {
        let role = entry.role?.rawValue ?? "-"
        try printLine(
          "\(entry.name.padding(toLength: width, withPad: " ", startingAt: 0))  \(role.padding(toLength: 7, withPad: " ", startingAt: 0))  \(entry.publicKey.fingerprint)  \(entry.hasSecret ? "pair" : "public half")")
      }
      if entries.isEmpty { try printLine("no keys in \(place.keys); `sophia keys new NAME --keys \(place.keys)` makes one") }
    }
  }

  struct Allow: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Lets a key join, in place of the one that the name had.")

    @Argument(help: "What the process is to be called.")
    var name: String

    @Option(help: "worker, scorer or observer: what the key may do.")
    var role: InvitedRole

    @Option(help: "Its .pub file; KEYS/NAME.pub if absent.")
    var from: String?

    @OptionGroup var place: Place

    func run() throws {
      let key = try PublicKey(file: from ?? "\(place.keys)/\(name).pub")
      try place.folder.allow(name, as: role.role, key)
      try printLine("\(name) may join as \(role.rawValue) with the key \(key.fingerprint)")
    }
  }

  struct Revoke: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Shuts a key out, from its next message on.")

    @Argument(help: "The name on the list.")
    var name: String

    @OptionGroup var place: Place

    func run() throws {
      let key = try place.folder.revoke(name)
      try printLine("\(name) may no longer join; its key was \(key.fingerprint)")
    }
  }

  struct Rotate: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Makes a new pair in place of one that is here.",
      discussion: """
        If the name is on this folder's list, the new key takes the old one's place there. Otherwise its .pub file goes to the \
        learner again, for `sophia keys allow`. After the learner's, everyone needs the new learner.pub.
        """)

    @Argument(help: "The name of the pair.")
    var name: String

    @OptionGroup var place: Place

    func run() throws {
      let (old, new) = try place.folder.rotate(name)
      try printLine("\(name): \(old.fingerprint) -> \(new.fingerprint)")
    }
  }
}

/// What a key that is not the learner's may be for.
enum InvitedRole: String, ExpressibleByArgument, CaseIterable {
  case worker, scorer, observer

  var role: Role {
    switch self {
    case .worker: .worker
    case .scorer: .scorer
    case .observer: .observer
    }
  }
}
