package dev.graft.trainer.compare.junit;

import dev.graft.trainer.compare.Comparison;
import dev.graft.trainer.compare.config.CompareConfig;
import dev.graft.trainer.compare.scorecard.Decision;
import dev.graft.trainer.compare.scorecard.Scorecard;
import dev.graft.trainer.compare.scorecard.ScorecardJson;
import dev.graft.trainer.compare.scorecard.ScorecardPage;
import dev.graft.trainer.console.Console;
import dev.graft.trainer.runs.AtomicFiles;
import dev.graft.trainer.runs.StopSignal;
import java.io.IOException;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/**
 * Runs a comparison before a test class, fails the class on a no-go, and hands the {@link
 * Scorecard} to tests that take one:
 *
 * <pre>{@code
 * @AdapterQuality(config = "compare.yaml")
 * class AdapterTest {
 *   @Test
 *   void holdsItsThresholds(Scorecard scorecard) {}
 * }
 * }</pre>
 */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(AdapterQuality.Extension.class)
public @interface AdapterQuality {

  /** The comparison's YAML, relative to the working directory. */
  String config();

  /** Where answers and scorecards go. */
  String output() default "target/adapter-quality";

  /** Whether requests that cost money may be sent. */
  boolean paid() default false;

  /** What runs the comparison. */
  final class Extension implements BeforeAllCallback, ParameterResolver {

    private static final ExtensionContext.Namespace NAMESPACE =
        ExtensionContext.Namespace.create(AdapterQuality.class);

    @Override
    public void beforeAll(ExtensionContext context) throws IOException {
      Class<?> test = context.getRequiredTestClass();
      AdapterQuality asked = test.getAnnotation(AdapterQuality.class);
      if (asked == null) {
        throw new IllegalStateException(test + " has no @AdapterQuality");
      }
      Path output = Path.of(asked.output());
      Scorecard card =
          new Comparison(
                  CompareConfig.read(Path.of(asked.config()), List.of()),
                  new Comparison.Options(
                      output, asked.paid(), false, System.getenv(), new StopSignal()),
                  Console.silent())
              .run()
              .orElseThrow();
      Files.createDirectories(output);
      AtomicFiles.writeText(output.resolve("scorecard.json"), ScorecardJson.of(card));
      AtomicFiles.writeText(output.resolve("scorecard.html"), ScorecardPage.of(card));
      context.getStore(NAMESPACE).put(Scorecard.class, card);
      card.decision()
          .filter(it -> !it.isGo())
          .ifPresent(decision -> {
            throw new AssertionError(
                decision.checks().stream()
                    .filter(check -> !check.holds())
                    .map(Decision.Check::words)
                    .collect(
                        Collectors.joining(
                            "; ", "no-go: ", " (see " + output.resolve("scorecard.html") + ")")));
          });
    }

    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
      return parameter.getParameter().getType() == Scorecard.class;
    }

    @Override
    public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
      return java.util.Objects.requireNonNull(
          context.getStore(NAMESPACE).get(Scorecard.class, Scorecard.class));
    }
  }
}
