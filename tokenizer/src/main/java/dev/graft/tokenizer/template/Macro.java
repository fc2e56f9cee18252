package dev.graft.tokenizer.template;

import dev.graft.tokenizer.template.Value.Bool;
import dev.graft.tokenizer.template.Value.Callable;
import dev.graft.tokenizer.template.Value.PyDict;
import dev.graft.tokenizer.template.Value.PyTuple;
import dev.graft.tokenizer.template.Value.Undefined;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A macro, or the body of a call block, with the scope it was defined in. */
final class Macro implements Callable {
  private final Stmt.Procedure procedure;
  private final Frame home;
  private final Interpreter interpreter;

  Macro(Stmt.Procedure procedure, Frame home, Interpreter interpreter) {
    this.procedure = procedure;
    this.home = home;
    this.interpreter = interpreter;
  }

  @Override
  public Value call(Arguments arguments) {
    List<String> parameters = procedure.parameters();
    Frame frame = new Frame(procedure.scope().size(), home);
    Map<String, Value> named = new LinkedHashMap<>(arguments.named());
    int positional = Math.min(arguments.positional().size(), parameters.size());
    boolean callerIsParameter = parameters.contains("caller");
    for (int i = 0; i < parameters.size(); i++) {
      Value value =
          i < positional ? arguments.positional().get(i) : named.remove(parameters.get(i));
      if (value != null) {
        frame.slots()[procedure.parameterRefs().get(i).slot()] = value;
      }
    }
    if (procedure.special().caller >= 0 && !callerIsParameter) {
      Value caller = named.remove("caller");
      frame.slots()[procedure.special().caller] =
          caller == null || caller == None.NONE ? new Undefined("No caller defined") : caller;
    }
    if (procedure.special().kwargs >= 0) {
      LinkedHashMap<Value, Value> rest = new LinkedHashMap<>();
      named.forEach((name, value) -> rest.put(new Str(name), value));
      frame.slots()[procedure.special().kwargs] = new PyDict(rest);
    } else if (!named.isEmpty()) {
      throw PyError.type(
          "macro '"
              + procedure.name()
              + "' takes no keyword argument '"
              + named.keySet().iterator().next()
              + "'");
    }
    List<Value> surplus = arguments.positional().subList(positional, arguments.positional().size());
    if (procedure.special().varargs >= 0) {
      frame.slots()[procedure.special().varargs] = new PyTuple(new ArrayList<>(surplus));
    } else if (!surplus.isEmpty()) {
      throw PyError.type(
          "macro '"
              + procedure.name()
              + "' takes not more than "
              + parameters.size()
              + " argument(s)");
    }
    return interpreter.run(procedure, frame);
  }

  String describe() {
    return procedure.name() == null ? "<Macro anonymous>" : "<Macro '" + procedure.name() + "'>";
  }

  @Nullable Value attribute(String name) {
    return switch (name) {
      case "name" -> procedure.name() == null ? None.NONE : new Str(procedure.name());
      case "arguments" -> {
        List<Value> names = new ArrayList<>();
        procedure.parameters().forEach(parameter -> names.add(new Str(parameter)));
        yield new PyTuple(names);
      }
      case "catch_kwargs" -> Bool.of(procedure.special().kwargs >= 0);
      case "catch_varargs" -> Bool.of(procedure.special().varargs >= 0);
      case "caller" -> Bool.of(procedure.special().caller >= 0);
      default -> null;
    };
  }

  @Override
  public String typeName() {
    return "Macro";
  }
}
