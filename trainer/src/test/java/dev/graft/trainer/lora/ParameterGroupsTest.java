package dev.graft.trainer.lora;

import static org.assertj.core.api.Assertions.assertThat;

import dev.graft.modelio.Projection;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.checkpoint.RandomCheckpoint;
import dev.graft.modelio.peft.PeftConfig;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.kernels.cpu.CpuKernels;
import dev.graft.trainer.model.Llama;
import dev.graft.trainer.model.ParameterGroup;
import dev.graft.trainer.model.ParameterGroup.Kind;
import dev.graft.trainer.tensor.ElementType;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What optimizers are told of an adapter's vector. */
class ParameterGroupsTest {

  @TempDir Path folder;

  /** A fresh adapter's B is zero and its A is not, which tells the two apart. */
  @Test
  void groupsOfAnAdapterAreItsMatricesAAndThenB() {
    Path base = RandomCheckpoint.llama().layers(3).write(folder.resolve("base"));
    List<Projection> targets = List.of(Projection.K_PROJ, Projection.DOWN_PROJ);
    try (Kernels kernels = new CpuKernels(ElementType.F32, 1);
        Checkpoint checkpoint = Checkpoint.open(base)) {
      Llama model = Llama.load(kernels, checkpoint);
      PeftConfig config = PeftConfig.of(3, 7, 0, targets, false, "base");
      LoraAdapter adapter = LoraAdapter.initialized(config, model, 1);

      List<ParameterGroup> groups = adapter.groups();

      assertThat(groups).extracting(ParameterGroup::kind).containsExactly(Kind.LORA_A, Kind.LORA_B);
      assertThat(groups.getFirst().from()).isZero();
      assertThat(groups.getLast().from()).isEqualTo(groups.getFirst().to());
      assertThat(groups.getLast().to()).isEqualTo(adapter.size());
      float[] numbers = adapter.parameters().toFloatVector();
      for (int i = 0; i < numbers.length; i++) {
        assertThat(numbers[i] != 0).isEqualTo(i < groups.getFirst().to());
      }
    }
  }
}
