internal import ArgumentParser
internal import Glibc

// `run` is parsed by hand: building the whole command tree would cost a third of a launch.
StandardOutput.checkAtExit()
let arguments = Array(CommandLine.arguments.dropFirst())
if arguments.first == "run" {
    exit(RunCommand.main(Array(arguments.dropFirst())))
} else {
    EntryPoint.main(arguments)
}
