package dev.graft.trainer.report.run;

import dev.graft.trainer.console.ShellWord;
import dev.graft.trainer.report.Html;
import dev.graft.trainer.report.Html.Card;
import dev.graft.trainer.report.Html.Tone;
import dev.graft.trainer.report.LineChart;
import dev.graft.trainer.report.LineChart.Style;
import dev.graft.trainer.report.Page;
import dev.graft.trainer.runs.DataFile;
import dev.graft.trainer.runs.EvaluationMetrics;
import dev.graft.trainer.runs.RunRecord;
import dev.graft.trainer.runs.RunStatus;
import dev.graft.trainer.runs.Sample;
import dev.graft.trainer.runs.StepMetrics;
import dev.graft.trainer.runs.StoredRun;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.ToDoubleFunction;

/** A run as a page of its own: {@code report.html}. */
public final class RunPage {

  private final StoredRun run;
  private final List<DataFile> files;
  private final SampleList samples;

  private RunPage(StoredRun run, List<DataFile> files, List<Sample> samples) {
    this.run = run;
    this.files = files;
    this.samples =
        new SampleList(
            samples,
            run.record()
                .map(RunRecord::resultStep)
                .filter(it -> it.isPresent())
                .map(it -> it.getAsInt()));
  }

  /**
   * The page.
   *
   * @param files what {@code data.json} names
   * @param samples what {@code samples.jsonl} says
   */
  public static String of(StoredRun run, List<DataFile> files, List<Sample> samples) {
    return new RunPage(run, files, samples).html();
  }

  private String html() {
    Page page =
        new Page("Run " + run.name())
            .style(Page.resource(RunPage.class, "run.css"))
            .add(subtitle());
    page.add(banners()).add(Html.cards(cards()));
    curves(page);
    page.section("Before and after").add(samples.html());
    page.section("Data").add(data());
    run.record().ifPresent(record -> page.section("Memory").add(memory(record.facts().memory())));
    page.section("Configuration").add(configuration());
    run.record()
        .ifPresent(record -> {
          page.section("Model and environment");
          page.add(facts(record.facts().model())).add(facts(record.facts().environment()));
        });
    page.section("Reproduce, and go on").add(commands());
    return page.add("<footer>" + footer() + "</footer>").html();
  }

  private String subtitle() {
    String base = run.config().value("base").orElse("unknown base");
    return "<p class=\"soft\">%s %s on <code>%s</code></p>\n"
        .formatted(
            Html.pill(tone(run.status()), run.status().word()),
            Html.escaped(run.config().value("method").orElse("lora")),
            Html.escaped(base));
  }

  /** The colour of a status. */
  static Tone tone(RunStatus status) {
    return switch (status) {
      case FINISHED -> Tone.GOOD;
      case RUNNING, STOPPED -> Tone.FLAT;
      case DIVERGED, BROKEN -> Tone.BAD;
    };
  }

  private String banners() {
    var banners = new StringBuilder();
    String reason = run.record().map(RunRecord::reason).orElse("");
    switch (run.status()) {
      case FINISHED -> {
        if (!reason.isEmpty()) {
          banners.append(Html.banner(Tone.FLAT, "Ended early", List.of(reason)));
        }
      }
      case RUNNING ->
          banners.append(
              Html.banner(Tone.FLAT, "The run was going on when this page was written", List.of()));
      case STOPPED ->
          banners.append(
              Html.banner(
                  Tone.FLAT,
                  "Stopped before its last step",
                  List.of("It goes on by " + resumption())));
      case DIVERGED -> banners.append(Html.banner(Tone.BAD, "Diverged", List.of(reason)));
      case BROKEN ->
          banners.append(
              Html.banner(
                  Tone.BAD,
                  "Broken off",
                  List.of(
                      reason.isEmpty() ? "Its process ended without saying why." : reason,
                      "From its last checkpoint it goes on by " + resumption())));
    }
    Optional<Double> base = run.base().map(EvaluationMetrics::loss);
    Optional<Double> best = run.best().map(EvaluationMetrics::loss);
    if (base.isPresent() && best.isPresent() && best.get() >= base.get()) {
      banners.append(
          Html.banner(
              Tone.WARN,
              "On the validation data the result is no better than what it began with",
              List.of()));
    }
    long skipped = run.metrics().steps().stream().filter(StepMetrics::skipped).count();
    if (skipped > 0) {
      banners.append(
          Html.banner(
              Tone.WARN,
              "%s of its steps made no update, since they would have done harm"
                  .formatted(Amounts.count(skipped)),
              List.of()));
    }
    return banners.toString();
  }

  private List<Card> cards() {
    var cards = new ArrayList<Card>();
    run.base()
        .ifPresent(it -> cards.add(new Card("validation loss before", Amounts.loss(it.loss()))));
    run.best()
        .ifPresent(it -> {
          cards.add(new Card("best validation loss, step " + it.step(), Amounts.loss(it.loss())));
          cards.add(
              new Card("perplexity there", String.format(Locale.ROOT, "%.3f", it.perplexity())));
        });
    if (!run.metrics().steps().isEmpty()) {
      StepMetrics last = run.metrics().steps().getLast();
      cards.add(new Card("training loss, last step", Amounts.loss(last.loss())));
      cards.add(new Card("epochs", RunFigures.epochs(run)));
    }
    cards.add(new Card("steps", RunFigures.steps(run)));
    cards.add(new Card("training and evaluating", Amounts.seconds(run.seconds())));
    run.tokensPerSecond()
        .ifPresent(rate ->
            cards.add(new Card("tokens a second", String.format(Locale.ROOT, "%,.0f", rate))));
    cards.add(
        new Card(
            "tokens trained on",
            Amounts.count(run.metrics().steps().stream().mapToLong(StepMetrics::tokens).sum())));
    run.record()
        .ifPresent(record ->
            cards.add(new Card("memory, planned", Amounts.bytes(record.facts().memory().peak()))));
    return cards;
  }

  private void curves(Page page) {
    var curves = new Curves(run.metrics(), "");
    page.section("Curves");
    page.add(
        new LineChart(
            "step",
            "loss, nats a token",
            List.of(
                curves.ofSteps("training loss", StepMetrics::loss, Style.FAINT, 0),
                curves.smoothedLoss(0),
                curves.validation(1)),
            true));
    page.note("Draw over a stretch to enlarge it; a double click shows everything again.");
    page.add("<div class=\"charts\">\n");
    page.add(
        new LineChart(
            "step",
            "learning rate",
            List.of(curves.ofSteps("learning rate", StepMetrics::learningRate, Style.LINE, 2)),
            false));
    noisy(page, "gradient norm", "gradient norm, before clipping", StepMetrics::gradNorm, 3);
    noisy(page, "tokens/s", "tokens a second", StepMetrics::tokensPerSecond, 4);
    page.add("</div>\n").add(evaluations());
  }

  private void noisy(
      Page page, String name, String y, ToDoubleFunction<StepMetrics> value, int colour) {
    var curves = new Curves(run.metrics(), "");
    page.add(
        new LineChart(
            "step",
            y,
            List.of(
                curves.ofSteps(name, value, Style.FAINT, colour),
                curves.smoothed("smoothed", value, colour)),
            true));
  }

  private String evaluations() {
    if (run.metrics().evaluations().isEmpty()) {
      return "";
    }
    Optional<EvaluationMetrics> best = run.best();
    var rows = new ArrayList<List<String>>();
    for (EvaluationMetrics it : run.metrics().evaluations()) {
      rows.add(
          List.of(
              Amounts.count(it.step()),
              String.format(Locale.ROOT, "%.2f", it.epoch()),
              Amounts.loss(it.loss()),
              String.format(Locale.ROOT, "%.3f", it.perplexity()),
              Amounts.seconds(it.seconds()),
              best.filter(it::equals).isPresent() ? Html.pill(Tone.GOOD, "best") : ""));
    }
    return "<details><summary>All %s evaluations</summary>\n".formatted(Amounts.count(rows.size()))
        + Html.table(
            List.of("step", "epoch", "validation loss", "perplexity", "took", ""),
            rows,
            Set.of(0, 1, 2, 3, 4))
        + "</details>\n";
  }

  private String data() {
    var html = new StringBuilder();
    run.record()
        .map(record -> record.facts().data())
        .ifPresent(data -> {
          html.append(
              Html.cards(
                  List.of(
                      new Card("training examples", Amounts.count(data.train())),
                      new Card("validation examples", Amounts.count(data.validation())),
                      new Card("tokens an epoch", Amounts.count(data.tokens())),
                      new Card("of them learned", Amounts.count(data.targets())),
                      new Card("longest example, tokens", Amounts.count(data.longest())))));
          if (!data.notes().isEmpty()) {
            html.append("<ul class=\"soft small\">");
            data.notes()
                .forEach(note -> html.append("<li>").append(Html.escaped(note)).append("</li>"));
            html.append("</ul>\n");
          }
        });
    var rows = new ArrayList<List<String>>();
    for (DataFile file : files) {
      String sources =
          file.sources().isEmpty()
              ? ""
              : "<br><span class=\"soft small\">sources: %s</span>"
                  .formatted(Html.escaped(String.join(", ", file.sources().keySet())));
      rows.add(
          List.of(
              Html.escaped(file.part()),
              "<div class=\"file\"><code>%s</code>%s</div>"
                  .formatted(Html.escaped(file.file()), sources),
              Html.escaped(file.format()),
              Amounts.count(file.rows()),
              Amounts.bytes(file.bytes()),
              "<code title=\"%s\">%.12s</code>"
                  .formatted(Html.escaped(file.sha256()), Html.escaped(file.sha256()))));
    }
    html.append(
        rows.isEmpty()
            ? "<p class=\"soft\">There is no data.json in the run's folder.</p>\n"
            : Html.table(
                List.of("part", "file", "format", "rows used", "size", "SHA-256"),
                rows,
                Set.of(3, 4)));
    return html.toString();
  }

  private static String memory(RunRecord.Memory memory) {
    var html = new StringBuilder("<div class=\"bars\">\n");
    memory
        .classes()
        .forEach((name, bytes) ->
            html.append(
                String.format(
                    Locale.ROOT,
                    "<span>%s</span><span class=\"number\">%s</span>"
                        + "<span class=\"track\"><i style=\"width:%.1f%%\"></i></span>\n",
                    Html.escaped(name),
                    Amounts.bytes(bytes),
                    100.0 * bytes / Math.max(1, memory.peak()))));
    html.append("</div>\n<p>Together <strong>%s</strong>".formatted(Amounts.bytes(memory.peak())));
    if (memory.available().isPresent()) {
      html.append(
          " of the %s that the machine could give when the run began"
              .formatted(Amounts.bytes(memory.available().getAsLong())));
    }
    return html.append(
            ". The base model's weights, %s, are read where they lie.</p>\n"
                .formatted(Amounts.bytes(memory.mapped())))
        .toString();
  }

  private String configuration() {
    return "<p class=\"soft small\">What is not the default:</p>\n"
        + facts(run.config().chosen())
        + "<details><summary>All of config.yaml</summary><pre class=\"block\">%s</pre></details>\n"
            .formatted(Html.escaped(run.config().yaml()));
  }

  private static String facts(Map<String, String> facts) {
    var html = new StringBuilder("<dl class=\"facts\">\n");
    facts.forEach((name, value) ->
        html.append("<dt>%s</dt><dd>%s</dd>\n".formatted(Html.escaped(name), Html.escaped(value))));
    return html.append("</dl>\n").toString();
  }

  private String resumption() {
    return "./graft train " + folder() + " --resume";
  }

  private String folder() {
    return ShellWord.of(run.folder().toString());
  }

  private String commands() {
    boolean chat = run.config().value("data.format").filter("tokens"::equals).isEmpty();
    var lines = new ArrayList<String>();
    lines.add("# the same run, bit for bit on the same kind of machine");
    lines.add(
        "./graft train %s --set output=runs/again"
            .formatted(ShellWord.of(run.folder().resolve("config.yaml").toString())));
    if (run.status() != RunStatus.FINISHED) {
      lines.add("# go on with it");
      lines.add(resumption());
    }
    boolean full = run.config().value("method").filter("full"::equals).isPresent();
    lines.add("# ask it something");
    String model =
        full
            ? "--base " + ShellWord.of(run.folder().resolve("model").toString())
            : "--base %s --adapter %s"
                .formatted(
                    ShellWord.of(run.config().value("base").orElse("BASE")),
                    ShellWord.of(run.folder().resolve("adapter").toString()));
    lines.add("./graft generate %s%s --prompt \"…\"".formatted(model, chat ? " --chat" : ""));
    if (!full) {
      lines.add("# hand it over to a server");
      lines.add(
          "./graft export %s --to peft,gguf --out exports/%s"
              .formatted(folder(), ShellWord.of(run.name())));
    }
    lines.add("# write this page again");
    lines.add("./graft report " + folder());
    return "<pre class=\"block\">%s</pre>\n".formatted(Html.escaped(String.join("\n", lines)));
  }

  private String footer() {
    String times =
        run.record()
            .map(record ->
                "Begun %s%s. This page knows the run as of %s. "
                    .formatted(
                        Html.escaped(record.started()),
                        record.resumed().isEmpty()
                            ? ""
                            : ", gone on " + Html.escaped(String.join(", ", record.resumed())),
                        Html.escaped(record.written())))
            .orElse("");
    return times + "Made by graft. Charts by uPlot, whose licence (MIT) is in this page's source.";
  }
}
