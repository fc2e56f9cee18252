package dev.graft.trainer.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import dev.graft.trainer.compare.config.CompareConfig;
import dev.graft.trainer.config.ConfigReader;
import dev.graft.trainer.config.ConfigWriter;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;

/** What the documents tell people to type has to work. */
class ReadmeTest {

  private static final Path ROOT = Path.of(System.getProperty("graft.root", ".."));
  private static final Pattern COMMAND = Pattern.compile("(?m)^(?:#\\s+|\\s+)?\\./graft (.+)$");
  private static final Pattern YAML = Pattern.compile("(?s)```yaml\n(.*?)```");
  private static final Pattern KEY =
      Pattern.compile(
          "`((?:data|lora|training|evaluation|early-stopping|checkpoint|logging)\\.(?!json`)[a-z-]+)`");

  /** Every command of the README, the recipes and the commands' own examples. */
  static List<String> commands() throws IOException {
    var texts = new ArrayList<String>(List.of(read("README.md")));
    for (Path recipe : recipes()) {
      texts.add(Files.readString(recipe));
    }
    var line = commandLine();
    texts.add(line.getUsageMessage());
    line.getSubcommands().values().forEach(command -> texts.add(command.getUsageMessage()));
    return texts.stream()
        .flatMap(text -> COMMAND.matcher(text.replaceAll("\\\\\n\\s*", "")).results())
        .map(match -> match.group(1).strip())
        .filter(command -> !command.startsWith("COMMAND"))
        .distinct()
        .toList();
  }

  static List<Path> recipes() throws IOException {
    try (Stream<Path> files = Files.list(ROOT.resolve("configs"))) {
      return files.filter(file -> file.toString().endsWith(".yaml")).sorted().toList();
    }
  }

  @ParameterizedTest
  @MethodSource("commands")
  void theCommandIsOne(String command) {
    List<String> words = words(command);

    assertThatCode(() -> commandLine().parseArgs(words.toArray(String[]::new)))
        .as(command)
        .doesNotThrowAnyException();
    words.stream()
        .filter(word -> word.startsWith("configs/"))
        .forEach(file -> assertThat(ROOT.resolve(file)).exists());
  }

  @ParameterizedTest
  @MethodSource("recipes")
  void theRecipeIsOne(Path recipe) throws IOException {
    boolean compares = Files.readString(recipe).contains("\ncontestants:");
    assertThatCode(
            () -> {
              if (compares) {
                CompareConfig.parse(recipe);
              } else {
                ConfigReader.parse(recipe, List.of());
              }
            })
        .doesNotThrowAnyException();
    assertThat(recipe)
        .content()
        .startsWith(
            "# yaml-language-server: $schema="
                + (compares ? "compare.schema.json" : "graft.schema.json"));
  }

  @ParameterizedTest
  @MethodSource("recipes")
  void theReadmeListsTheRecipe(Path recipe) throws IOException {
    assertThat(read("README.md")).contains("configs/" + recipe.getFileName());
  }

  static List<String> yamlOfTheReadme() throws IOException {
    return YAML.matcher(read("README.md")).results().map(match -> match.group(1)).toList();
  }

  @ParameterizedTest
  @MethodSource("yamlOfTheReadme")
  void theReadmesConfigurationIsOne(String yaml) {
    assertThatCode(() -> ConfigReader.fromText(yaml, "README.md", List.of()))
        .doesNotThrowAnyException();
  }

  static List<String> keysOfTheReadme() throws IOException {
    return KEY.matcher(read("README.md")).results().map(match -> match.group(1)).toList();
  }

  @ParameterizedTest
  @MethodSource("keysOfTheReadme")
  void theReadmesKeyIsOne(String key) {
    String name = key.substring(key.indexOf('.') + 1);
    assertThat(ConfigWriter.defaults()).containsPattern("(?m)^ *#?" + name + ":");
  }

  private static CommandLine commandLine() {
    var nowhere = new PrintWriter(new StringWriter());
    return GraftCommand.commandLine(nowhere, nowhere);
  }

  private static String read(String file) throws IOException {
    return Files.readString(ROOT.resolve(file));
  }

  /** Splits as a shell would, as far as the documents go: quotes, and no redirection. */
  private static List<String> words(String command) {
    return Pattern.compile("\"([^\"]*)\"|(\\S+)")
        .matcher(command.replaceAll(" [>|].*", ""))
        .results()
        .map(ReadmeTest::word)
        .toList();
  }

  private static String word(MatchResult match) {
    return match.group(1) != null ? match.group(1) : match.group(2);
  }
}
