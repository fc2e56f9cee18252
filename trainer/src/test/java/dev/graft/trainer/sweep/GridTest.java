package dev.graft.trainer.sweep;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.graft.trainer.config.ConfigException;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GridTest {

  @Test
  void everyCombinationIsARunAndTheLastKeyChangesFastest() {
    Grid grid =
        Grid.parse(
            List.of(
                "lora.rank=8, 16", "training.epochs=2", "training.learning-rate=1e-4,2e-4,3e-4"));

    assertThat(grid.points())
        .extracting(Grid.Point::name)
        .containsExactly(
            "rank-8_learning-rate-1e-4",
            "rank-8_learning-rate-2e-4",
            "rank-8_learning-rate-3e-4",
            "rank-16_learning-rate-1e-4",
            "rank-16_learning-rate-2e-4",
            "rank-16_learning-rate-3e-4");
    assertThat(grid.points().get(3).overrides())
        .containsExactly("lora.rank=16", "training.epochs=2", "training.learning-rate=1e-4");
  }

  @Test
  void commasInBracketsAndQuotesBelongToAValue() {
    assertThat(Axis.parse("lora.targets=[q_proj, v_proj],all-linear,[k_proj]").values())
        .containsExactly("[q_proj, v_proj]", "all-linear", "[k_proj]");
    assertThat(Axis.parse("lora.rank-pattern={q_proj: 4, v_proj: 8},null").values())
        .containsExactly("{q_proj: 4, v_proj: 8}", "null");
    assertThat(Axis.parse("data.template='a,b',\"c,[d\"").values())
        .containsExactly("'a,b'", "\"c,[d\"");
    assertThat(Axis.parse("data.train={path: [a.jsonl, b.jsonl], weight: 2}").values()).hasSize(1);
    assertThat(Axis.parse("lora.init-from=").values()).containsExactly("");
  }

  @Test
  void namesAreFitForFoldersAndEachRunHasItsOwn() {
    Grid same = Grid.parse(List.of("data.template=a/b,a:b", "lora.targets=[q_proj,v_proj],k_proj"));
    Grid alike = Grid.parse(List.of("lora.rank=1,2", "other.rank=3,4"));
    Grid one = Grid.parse(List.of("lora.rank=8"));
    Grid one200 = Grid.parse(List.of("data.template=" + "x".repeat(200) + "," + "x".repeat(201)));

    assertThat(same.points())
        .extracting(Grid.Point::name)
        .containsExactly(
            "template-a-b_targets-q_proj-v_proj",
            "template-a-b_targets-k_proj",
            "template-a-b_targets-q_proj-v_proj-2",
            "template-a-b_targets-k_proj-2");
    assertThat(alike.points().getFirst().name()).isEqualTo("lora.rank-1_other.rank-3");
    assertThat(one.points()).extracting(Grid.Point::name).containsExactly("run");
    assertThat(one200.points())
        .extracting(Grid.Point::name)
        .doesNotHaveDuplicates()
        .allMatch(name -> name.length() < 120);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "lora.rank | --set lora.rank: write --set key=value,value",
        "=8 | write --set key=value,value",
        "lora.rank=8,,16 | a value between the commas is empty",
        "lora.rank=8, 8 | lists 8 twice",
        "lora.targets=[q_proj,v_proj | a bracket or quote is not closed",
        "lora.targets=q_proj],v_proj | ']' closes nothing",
        "output=a,b | each run of a sweep has its own folder; --output says",
      })
  void mistakesAreNamed(String option, String message) {
    assertThatThrownBy(() -> Grid.parse(List.of(option)))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining(message);
  }

  @Test
  void aKeyGivenTwiceAndAGridWithoutEndAreRefused() {
    assertThatThrownBy(() -> Grid.parse(List.of("lora.rank=8", "lora.rank=16")))
        .hasMessageContaining("is given twice");
    String many = IntStream.range(0, 40).mapToObj(String::valueOf).collect(Collectors.joining(","));
    assertThatThrownBy(() -> Grid.parse(List.of("a=" + many, "b=" + many)))
        .hasMessageContaining("more than 1000 runs");
  }
}
