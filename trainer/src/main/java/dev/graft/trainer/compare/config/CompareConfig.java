package dev.graft.trainer.compare.config;

import static dev.graft.trainer.config.InvalidSetting.unless;

import dev.graft.trainer.config.DataFormat;
import dev.graft.trainer.config.DeviceChoice;
import dev.graft.trainer.config.KernelsChoice;
import dev.graft.trainer.config.Key;
import dev.graft.trainer.config.Precision;
import dev.graft.trainer.config.RecordReader;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A comparison.
 *
 * @param data held-out conversations: the last answer of each is the reference
 * @param baseline whom the others are held against
 */
public record CompareConfig(
    @Key(
            value = "held-out conversations; the last answer of each is the reference",
            required = true,
            input = true)
        Path data,
    @Key(value = "how the conversations are written, as data.format of a run", byDefault = "auto")
        DataFormat format,
    @Key("what a key is called in the file, e.g. [prompt=Question, completion=Answer]")
        List<String> columns,
    @Key("only the first so many examples") OptionalInt limit,
    @Key(
            value =
                "who answers, each under a name of its own; kinds: base, adapter, recorded,"
                    + " claude, openai-compatible",
            required = true)
        Map<String, ContestantConfig> contestants,
    @Key("whom the others are held against; default: the contestant named first")
        Optional<String> baseline,
    @Key(value = "how answers are marked, each under a name of its own", required = true)
        Map<String, ScorerConfig> scorers,
    @Key(
            "models that judge and do not answer: contestants of kind claude or"
                + " openai-compatible, each under a name of its own")
        Map<String, ContestantConfig> judges,
    @Key("when the comparison ends with exit code 0 (go) and not with 3 (no-go)")
        Optional<GoConfig> go,
    @Key("prices by contestant or judge, none are built in") Map<String, PriceConfig> prices,
    @Key("what the hardware costs, for the break-even volume") Optional<HardwareCost> hardware,
    @Key("Intervals and tests.") StatisticsConfig statistics,
    @Key(value = "of local models: auto, bf16 or f32", byDefault = "auto") Precision precision,
    @Key(value = "of local models: auto, cpu or cuda", byDefault = "auto") DeviceChoice device,
    @Key(value = "of local models: auto or reference", byDefault = "auto") KernelsChoice kernels,
    @Key("folder of answers and scorecards; default: runs/ and the file's name")
        Optional<Path> output) {

  public CompareConfig {
    columns = List.copyOf(columns);
    contestants = new LinkedHashMap<>(contestants);
    scorers = new LinkedHashMap<>(scorers);
    judges = new LinkedHashMap<>(judges);
    for (String column : columns) {
      unless(column.matches("[^=]+=.+"), "columns", "'%s' is not name=column", column);
    }
    unless(!contestants.isEmpty(), "contestants", "names nobody");
    unless(!scorers.isEmpty(), "scorers", "names none");
    unless(limit.isEmpty() || limit.getAsInt() >= 1, "limit", "has to be at least 1");
    for (String name : contestants.keySet()) {
      // Names become file names.
      unless(name.matches("[\\w][\\w .-]*"), "contestants", "'%s' is no plain name", name);
    }
    String first = contestants.keySet().iterator().next();
    Map<String, ContestantConfig> all = contestants;
    unless(
        all.containsKey(baseline.orElse(first)),
        "baseline",
        "'%s' is none of the contestants: %s",
        baseline.orElse(first),
        all.keySet());
    Map<String, ContestantConfig> judging = judges;
    prices
        .keySet()
        .forEach(name ->
            unless(
                all.containsKey(name) || judging.containsKey(name),
                "prices",
                "'%s' is none of the contestants and judges",
                name));
    hardware.ifPresent(cost -> {
      unless(all.containsKey(cost.contestant()), "hardware", "there is no '%s'", cost.contestant());
      unless(prices.containsKey(cost.against()), "hardware", "'%s' has no price", cost.against());
    });
    go.ifPresent(it -> {
      unless(all.containsKey(it.contestant()), "go", "there is no '%s'", it.contestant());
      it.rules()
          .values()
          .forEach(rule ->
              rule.others()
                  .forEach(other ->
                      unless(all.containsKey(other), "go", "there is no contestant '%s'", other)));
    });
  }

  /** The name of the contestant that the others are held against. */
  public String baselineName() {
    return baseline.orElseGet(() -> contestants.keySet().iterator().next());
  }

  /** What keys are called in the data, by the name that they have here. */
  public Map<String, String> columnNames() {
    var names = new LinkedHashMap<String, String>();
    for (String column : columns) {
      int equals = column.indexOf('=');
      names.put(column.substring(0, equals), column.substring(equals + 1));
    }
    return names;
  }

  /**
   * Reads a comparison's file; the inputs that it names have to exist.
   *
   * @param overrides {@code limit=10}, each
   */
  public static CompareConfig read(Path file, List<String> overrides) {
    return RecordReader.read(file, CompareConfig.class, overrides, true);
  }

  /** Reads a file whose inputs need not exist, for recipes that name the user's own. */
  public static CompareConfig parse(Path file) {
    return RecordReader.read(file, CompareConfig.class, List.of(), false);
  }

  /** The JSON schema, for editors. */
  public static String schema() {
    return RecordReader.schema(CompareConfig.class, "graft comparison");
  }
}
