// What the module imports: each function forwards to one that the loader puts on the module's instance.
addToLibrary({
  bb_component_create: (type, component, config) => Module['bbComponentCreate'](type, component, config),
  bb_component_call: (component, method, frame) => Module['bbComponentCall'](component, method, frame),
  bb_component_dispose: (component) => Module['bbComponentDispose'](component),
  bb_component_save: (component, answer) => Module['bbComponentSave'](component, answer),
  bb_component_load: (component, at, size) => Module['bbComponentLoad'](component, at, size),
  bb_stage_call: (stage) => Module['bbStageCall'](stage),
});
