package dev.graft.trainer;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.fields;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.ArchConfiguration;
import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaPackage;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.Location;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import dev.graft.modelio.DType;
import dev.graft.tokenizer.Conversation;
import dev.graft.trainer.config.RunConfig;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The house's plan, read from its byte code. */
class ArchitectureTest {

  private static final String TRAINER = "dev.graft.trainer";

  /** A package imports only packages of rows above its own. A new package needs a place here. */
  private static final List<Set<String>> LAYERS =
      List.of(
          Set.of("config", "console", "tensor"),
          Set.of("kernels"),
          Set.of("model", "selftest"),
          Set.of("lora", "full"),
          Set.of("optim", "data"),
          Set.of("runtime", "runs"),
          Set.of("generate", "report"),
          Set.of("train"),
          Set.of("export", "quickstart", "bench", "sweep"),
          Set.of("compare"),
          Set.of("cli", "launch"));

  private static JavaClasses graft;

  @BeforeAll
  static void readClasses() {
    // The names of foreign classes are enough; looking inside them takes ten times as long.
    ArchConfiguration.get().setResolveMissingDependenciesFromClassPath(false);
    // Where main classes lie, so that tests are left out wherever they are built to.
    graft =
        new ClassFileImporter()
            .importLocations(
                Stream.of(Conversation.class, DType.class, RunConfig.class)
                    .map(type -> type.getProtectionDomain().getCodeSource().getLocation())
                    .map(Location::of)
                    .collect(Collectors.toSet()));
    for (String module : List.of("dev.graft.tokenizer", "dev.graft.modelio", TRAINER)) {
      assertThat(graft.containPackage(module)).as(module + " is on the class path").isTrue();
    }
  }

  @Test
  void packagesImportOnlyToTheirLeft() {
    classes().that().resideInAPackage(TRAINER + "..").should(importOnlyToTheLeft()).check(graft);
  }

  private static ArchCondition<JavaClass> importOnlyToTheLeft() {
    return new ArchCondition<>("import only packages to the left of their own") {
      @Override
      public void check(JavaClass origin, ConditionEvents events) {
        if (layer(origin) < 0) {
          events.add(SimpleConditionEvent.violated(origin, origin + " has no place in LAYERS"));
        }
        for (Dependency dependency : origin.getDirectDependenciesFromSelf()) {
          JavaClass target = dependency.getTargetClass();
          boolean elsewhere = !part(origin).equals(part(target));
          if (isTrainer(target) && elsewhere && layer(target) >= layer(origin)) {
            events.add(SimpleConditionEvent.violated(dependency, dependency.getDescription()));
          }
        }
      }
    };
  }

  private static boolean isTrainer(JavaClass type) {
    return type.getPackageName().startsWith(TRAINER + ".");
  }

  /** The first name behind ours, or nothing for the root, which is documentation only. */
  private static String part(JavaClass type) {
    return isTrainer(type)
        ? type.getPackageName().substring(TRAINER.length() + 1).replaceAll("\\..*", "")
        : "";
  }

  private static int layer(JavaClass type) {
    if (type.getSimpleName().equals("package-info")) {
      return 0;
    }
    for (int i = 0; i < LAYERS.size(); i++) {
      if (LAYERS.get(i).contains(part(type))) {
        return i;
      }
    }
    return -1;
  }

  @Test
  void packagesAreFreeOfCycles() {
    slices().matching("dev.graft.(**)").should().beFreeOfCycles().check(graft);
  }

  @Test
  void textAndWeightsDoNotKnowEachOther() {
    onlyBelow("dev.graft.tokenizer", "dev.graft.modelio", TRAINER).check(graft);
    onlyBelow("dev.graft.modelio", "dev.graft.tokenizer", TRAINER).check(graft);
  }

  private static ArchRule onlyBelow(String module, String... others) {
    String[] packages = new String[others.length];
    for (int i = 0; i < others.length; i++) {
      packages[i] = others[i] + "..";
    }
    return noClasses()
        .that()
        .resideInAPackage(module + "..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(packages);
  }

  @Test
  void eachSpecialThingHasOnePackage() {
    only("kernels.vector", "jdk.incubator.vector..").check(graft);
    only("kernels.onednn", "org.bytedeco.dnnl..").check(graft);
    only("kernels.blas", "org.bytedeco.openblas..").check(graft);
    noClasses()
        .that()
        .resideOutsideOfPackage(TRAINER + ".kernels.cuda..")
        .should()
        .dependOnClassesThat()
        .haveFullyQualifiedName("java.lang.foreign.Linker")
        .because("foreign functions are called from one package")
        .check(graft);
    noClasses()
        .that()
        .doNotHaveFullyQualifiedName(TRAINER + ".tensor.HostArrays")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("org.nd4j.linalg.factory..")
        .check(graft);
  }

  private static ArchRule only(String part, String special) {
    return noClasses()
        .that()
        .resideOutsideOfPackage(TRAINER + "." + part + "..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage(special)
        .because("one package touches the special thing");
  }

  @Test
  void kernelsAreHandedIn() {
    noClasses()
        .that()
        .resideOutsideOfPackages(TRAINER + ".kernels..", TRAINER + ".runtime..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage(TRAINER + ".kernels.*..")
        .because("which hardware computes is decided in one place")
        .check(graft);
    fields()
        .that()
        .areStatic()
        .should()
        .beFinal()
        .because("nothing changes behind a caller's back")
        .check(graft);
  }

  @Test
  void everyPackageIsNullMarked() {
    for (JavaPackage each : graft.getPackage("dev.graft").getSubpackagesInTree()) {
      if (!each.getClasses().isEmpty()) {
        assertThat(each.isAnnotatedWith(NullMarked.class))
            .as("the package-info.java of %s says @NullMarked", each.getName())
            .isTrue();
      }
    }
  }
}
