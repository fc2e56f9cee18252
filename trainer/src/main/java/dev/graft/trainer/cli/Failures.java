package dev.graft.trainer.cli;

import dev.graft.modelio.ModelIoException;
import dev.graft.tokenizer.DataException;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.kernels.DeviceOutOfMemoryError;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** Says what went wrong, and gives the exit code. */
final class Failures {

  /** The user can put it right. */
  static final int USER = 2;

  /** It is a mistake of ours. */
  static final int INTERNAL = 1;

  private Failures() {}

  /** Options that make no sense. */
  static int ofArguments(ParameterException e, String[] arguments) {
    CommandLine line = e.getCommandLine();
    PrintWriter err = line.getErr();
    err.println("error: " + e.getMessage());
    UnmatchedArgumentException.printSuggestions(e, err);
    err.println("'./" + line.getCommandSpec().qualifiedName() + " --help' tells what there is.");
    err.flush();
    return USER;
  }

  /**
   * Memory that ran out; most often Java's own, for which the launcher takes a quarter of it all.
   */
  static UserException outOfMemory(OutOfMemoryError e) {
    if (e instanceof DeviceOutOfMemoryError) {
      return new UserException(
          "out of memory: %s. End those, or use --device cpu.".formatted(e.getMessage()), e);
    }
    return new UserException(
        ("out of memory (%s): Java's heap holds %,d MB. Give it more, e.g. by"
                + " GRAFT_JAVA_OPTIONS=-Xmx8g. Where rows are compared with each other, as check"
                + " and split do, it keeps 2 to 3 KB of each.")
            .formatted(e.getMessage(), Runtime.getRuntime().maxMemory() >> 20),
        e);
  }

  /** Anything that a command threw. */
  static int ofExecution(Exception e, CommandLine line, boolean stacktrace) {
    PrintWriter err = line.getErr();
    Optional<String> message = forUser(e);
    if (message.isPresent()) {
      err.println("error: " + message.get());
      if (stacktrace) {
        e.printStackTrace(err);
      }
      err.flush();
      return USER;
    }
    err.println("internal error: " + e);
    err.println(
        "This is a mistake in graft, not in your input. Please report it with what follows:");
    err.println(new Version().getVersion()[0]);
    e.printStackTrace(err);
    err.flush();
    return INTERNAL;
  }

  /** The words for what a user can put right. */
  private static Optional<String> forUser(Exception e) {
    return switch (e) {
      case UserException user -> Optional.of(words(user));
      case DataException data -> Optional.of(words(data));
      case ModelIoException model -> Optional.of(words(model));
      case UncheckedIOException io -> Optional.ofNullable(io.getCause()).flatMap(Failures::forUser);
      case AccessDeniedException denied -> Optional.of(denied.getFile() + ": permission denied");
      case NoSuchFileException missing ->
          Optional.of(missing.getFile() + ": there is no such file");
      case FileSystemException file -> Optional.of(words(file));
      case IOException io when words(io).contains("No space left") ->
          Optional.of("the disk is full: " + words(io));
      default -> Optional.empty();
    };
  }

  private static String words(Exception e) {
    return Optional.ofNullable(e.getMessage()).orElse(e.toString());
  }
}
