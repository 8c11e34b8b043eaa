// Creation, update and removal of a component.

/** The default export of a component's script: the function that Streamlit calls.
 *
 *  create(parentElement) → the instance, an object whose `root` is its outermost element;
 *  update(instance, {data, setStateValue, …}) shows new data or a new theme;
 *  destroy(instance) stops timers and observers, and removes listeners outside `root`. */
function component({ create, update, destroy }) {
  const mounted = new WeakMap(); // parentElement → instance
  return (call) => {
    const parent = call.parentElement;
    let instance = mounted.get(parent);
    if (!instance?.root.isConnected) {
      if (instance) destroy(instance);
      instance = create(parent);
      parent.querySelector(".until-mounted")?.removeAttribute("inert");
      mounted.set(parent, instance);
    }
    update(instance, call);
    return () => {
      // Streamlit calls this after it has removed the component. It also calls it while the
      // component stays, if new data replaced the old before this script was loaded.
      if (instance.root.isConnected || mounted.get(parent) !== instance) return;
      mounted.delete(parent);
      destroy(instance);
    };
  };
}
