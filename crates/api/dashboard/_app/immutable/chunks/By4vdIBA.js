import{A as p,ao as t}from"./Cpn4XPue.js";import{B as c}from"./CNZ8fabc.js";function f(a,r,...s){var o=new c(a);p(()=>{const n=r()??null;o.ensure(n,n&&(e=>n(e,...s)))},t)}export{f as s};
