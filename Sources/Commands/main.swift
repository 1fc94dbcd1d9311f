internal import ArgumentParser
internal import Client
internal import Glibc

NameService.keepBuiltIn()
// `run` and `shell` are parsed by hand: building the whole command tree would cost a third of a launch.
StandardOutput.checkAtExit()
let arguments = Array(CommandLine.arguments.dropFirst())
switch arguments.first {
case "run": exit(RunCommand.main(Array(arguments.dropFirst())))
case "shell": exit(ShellCommand.main(Array(arguments.dropFirst())))
default: EntryPoint.main(arguments)
}
