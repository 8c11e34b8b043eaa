// Creation, update and removal of a component.

/** The default export of a component's script: the function that Streamlit calls.
 *
 *  `Component` is a class; each mounted element has one instance. new Component(parentElement)
 *  finds its `root`, the outermost element; update({data, setStateValue, …}) shows new data or a
 *  new theme; dispose(), if there is one, stops timers and observers, and removes listeners outside
 *  `root`. */
function component(Component) {
  const mounted = new WeakMap(); // parentElement → instance
  return (call) => {
    const parent = call.parentElement;
    let instance = mounted.get(parent);
    if (!instance?.root.isConnected) {
      instance?.dispose?.();
      instance = new Component(parent);
      parent.querySelector(".until-mounted")?.removeAttribute("inert");
      mounted.set(parent, instance);
    }
    instance.update(call);
    return () => {
      // Streamlit calls this after it has removed the component. It also calls it while the
      // component stays, if new data replaced the old before this script was loaded.
      if (instance.root.isConnected || mounted.get(parent) !== instance) return;
      mounted.delete(parent);
      instance.dispose?.();
    };
  };
}
